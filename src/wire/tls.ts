/** In charge of TLS on connections that began in clear, or begin with it: our certificate, the peer's, the handshake. */

import process from "node:process";
import type { SecureContext, SecureVersion, TLSSocket } from "node:tls";
import { type Clock, systemClock } from "../base/clock.ts";
import type { ByteConn, TlsFacts } from "./byte_conn.ts";
import { nodeTls, TlsBase, TlsConn } from "./tls_conn.ts";

/** A certificate (with its chain) and its key, both PEM. */
export interface TlsMaterial {
  readonly cert: string;
  readonly key: string;
}

/** The server's side of TLS. */
export interface ServerTls {
  /**
   * Does the handshake on a connection and answers the encrypted one; the one below is not to be used any more, but
   * closing it ends everything, also a handshake that takes too long. Rejects, with the connection closed, when the
   * handshake fails. What was received in clear and not yet consumed is the caller's to discard before.
   */
  upgrade(conn: ByteConn): Promise<ByteConn>;
  /** From the next handshake on another certificate is used. Throws, and goes on with the old one, when it is no good. */
  reload(material: TlsMaterial): void;
  /** Whole days until the certificate expires (the first one of those in use); negative when it has. */
  readonly daysLeft: number;
}

/** What can be chosen about {@linkcode serverTls}. */
export interface ServerTlsOptions {
  /** The oldest version to accept (default TLSv1.2). */
  minVersion?: "TLSv1.2" | "TLSv1.3";
  /** Certificates for other names that clients may ask for (SNI), by host name. */
  sni?: Record<string, TlsMaterial>;
  /** For `daysLeft` (default: the system's). */
  clock?: Clock;
}

/** Makes the server's side of TLS. Throws when certificate and key are no good or don't belong together. */
export function serverTls(material: TlsMaterial, options: ServerTlsOptions = {}): ServerTls {
  return new Server(material, options);
}

const DAY_MS = 24 * 60 * 60 * 1000;

class Server implements ServerTls {
  readonly #minVersion: "TLSv1.2" | "TLSv1.3";
  readonly #clock: Clock;
  readonly #named = new Map<string, SecureContext>();
  readonly #namedCerts: string[] = [];
  #context: SecureContext;
  #cert: string;

  constructor(material: TlsMaterial, options: ServerTlsOptions) {
    this.#minVersion = options.minVersion ?? "TLSv1.2";
    this.#clock = options.clock ?? systemClock;
    this.#context = this.#makeContext(material);
    this.#cert = material.cert;
    for (const [name, other] of Object.entries(options.sni ?? {})) {
      this.#named.set(name.toLowerCase(), this.#makeContext(other));
      this.#namedCerts.push(other.cert);
    }
  }

  get daysLeft(): number {
    const ends = [this.#cert, ...this.#namedCerts].map((cert) => Date.parse(certificate(cert).validTo));
    return Math.floor((Math.min(...ends) - this.#clock.now()) / DAY_MS);
  }

  reload(material: TlsMaterial): void {
    this.#context = this.#makeContext(material);
    this.#cert = material.cert;
  }

  upgrade(conn: ByteConn): Promise<ByteConn> {
    const base = new TlsBase(conn);
    const socket = new (nodeTls().TLSSocket)(
      base.stream as unknown as ConstructorParameters<typeof TLSSocket>[0],
      {
        isServer: true,
        secureContext: this.#context,
        ...(this.#named.size > 0 && {
          SNICallback: (name: string, choose: (error: Error | null, context?: SecureContext) => void) =>
            choose(null, this.#named.get(name.toLowerCase()) ?? this.#context),
        }),
      },
    );
    return handshake(base, socket, "secure");
  }

  #makeContext(material: TlsMaterial): SecureContext {
    const { cert, key } = material;
    const parsed = certificate(cert);
    if (!parsed.checkPrivateKey(process.getBuiltinModule("node:crypto").createPrivateKey(key))) {
      throw new Error("The TLS key does not belong to the certificate");
    }
    return nodeTls().createSecureContext({ cert, key, minVersion: this.#minVersion });
  }
}

function certificate(pem: string) {
  return new (process.getBuiltinModule("node:crypto").X509Certificate)(pem);
}

/** What can be chosen about {@linkcode clientTls}. */
export interface ClientTlsOptions {
  /** The host that was meant: asked for by SNI, and looked for in the certificate. A name or an IP address. */
  serverName: string;
  /** The oldest version to accept (default TLSv1.2). */
  minVersion?: string;
  /** Certificates to trust instead of the built-in ones, PEM. */
  ca?: string[];
}

/**
 * Does the client's handshake on a connection and answers the encrypted one. Any certificate will do, since mail is
 * encrypted opportunistically (RFC 7435); `tls.untrusted` says what is wrong with it, for those who want more.
 * Rejects, with the connection closed, when the handshake fails.
 */
export function clientTls(conn: ByteConn, options: ClientTlsOptions): Promise<ByteConn> {
  const base = new TlsBase(conn);
  const { connect, checkServerIdentity } = nodeTls();
  const { serverName, ca } = options;
  const isAddress = /^[\d.]+$|:/.test(serverName);
  const socket = connect({
    socket: base.stream,
    // an address is never asked for by name (RFC 6066 3)
    ...(!isAddress && { servername: serverName }),
    checkServerIdentity: (_name, peer) => checkServerIdentity(serverName, peer),
    rejectUnauthorized: false,
    minVersion: (options.minVersion ?? "TLSv1.2") as SecureVersion,
    ...(ca && { ca }),
  });
  return handshake(base, socket, "secureConnect");
}

/** Waits for the handshake; whatever way it fails, both layers are closed. */
function handshake(
  base: TlsBase,
  socket: TLSSocket,
  doneEvent: "secure" | "secureConnect",
): Promise<TlsConn> {
  return new Promise((resolve, reject) => {
    function fail(error?: Error): void {
      reject(error ?? new Deno.errors.UnexpectedEof("The connection ended during the TLS handshake"));
      socket.destroy();
      base.stream.destroy();
    }
    const ended = () => fail();
    base.onOver = fail;
    socket.on("error", fail);
    socket.on("_tlsError", fail);
    socket.on("close", ended);
    socket.once(doneEvent, () => {
      const conn = new TlsConn(base, socket, factsOf(socket, doneEvent === "secure"));
      // from here on it would destroy what is still to be read
      socket.off("error", fail);
      socket.off("_tlsError", fail);
      socket.off("close", ended);
      resolve(conn);
    });
  });
}

function factsOf(socket: TLSSocket, server: boolean): TlsFacts {
  const serverName = server && (socket as unknown as { servername: string | false | null }).servername;
  return {
    protocol: socket.getProtocol() ?? "",
    cipher: socket.getCipher().name,
    ...(serverName && { serverName }),
    ...(!server && !socket.authorized && { untrusted: String(socket.authorizationError ?? "UNKNOWN") }),
  };
}
