/** TLS on connections that began in clear, or begin with it: our certificate, the peer's, the handshake. */

import { messageOf } from "../base/errors.ts";
import process from "node:process";
import type { DetailedPeerCertificate, SecureContext, SecureVersion, TLSSocket } from "node:tls";
import { type Clock, systemClock } from "../base/clock.ts";
import type { ByteConn, TlsFacts } from "./byte_conn.ts";
import { serverEndPoint } from "./end_point.ts";
import { keyKind, readPem, type TlsMaterial, USABLE_KEYS } from "./pem.ts";
import { nodeTls, TlsBase, TlsConn } from "./tls_conn.ts";

export type { TlsMaterial };

/** The server's side of TLS. */
export interface ServerTls {
  /**
   * Does the handshake on a connection and answers the encrypted one; the one below is not to be used any more, but
   * closing it ends everything, also a handshake that takes too long. Rejects, with the connection closed, when the
   * handshake fails. What was received in clear and not yet consumed is the caller's to discard before.
   */
  upgrade(conn: ByteConn): Promise<ByteConn>;
  /**
   * From the next handshake on other certificates are used; without `sni` those for other names stay. Throws, and goes
   * on with the old ones, when one is no good.
   */
  reload(material: TlsMaterial, sni?: Readonly<Record<string, TlsMaterial>>): void;
  /** Whole days until the certificate expires (the first one of those in use); negative when it has. */
  readonly daysLeft: number;
  /** When the first of those in use ends: milliseconds since 1970. */
  readonly endsAt: number;
  /** Is it time for another certificate (see {@linkcode expiresSoon}), for one of those in use? */
  readonly expiresSoon: boolean;
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
const SOON_MS = 30 * DAY_MS;

/**
 * Is it time for another certificate? From the last third of its life on, in which those who renew by themselves do so,
 * and in the last 30 days of one that lives long.
 */
export function expiresSoon(pem: string, now: number): boolean {
  const { validFrom, validTo } = certificate(pem);
  const [from, to] = [Date.parse(validFrom), Date.parse(validTo)];
  return to - now < Math.min((to - from) / 3, SOON_MS);
}

/** A certificate in use. */
interface Identity {
  readonly context: SecureContext;
  readonly cert: string;
  readonly endPoint: Uint8Array | undefined;
}

class Server implements ServerTls {
  readonly #minVersion: "TLSv1.2" | "TLSv1.3";
  readonly #clock: Clock;
  #named: ReadonlyMap<string, Identity>;
  #identity: Identity;

  constructor(material: TlsMaterial, options: ServerTlsOptions) {
    this.#minVersion = options.minVersion ?? "TLSv1.2";
    this.#clock = options.clock ?? systemClock;
    this.#identity = this.#identify(material);
    this.#named = this.#identifyAll(options.sni ?? {});
  }

  get daysLeft(): number {
    return Math.floor((this.endsAt - this.#clock.now()) / DAY_MS);
  }

  get endsAt(): number {
    return Math.min(...this.#all.map(({ cert }) => Date.parse(certificate(cert).validTo)));
  }

  get expiresSoon(): boolean {
    return this.#all.some(({ cert }) => expiresSoon(cert, this.#clock.now()));
  }

  get #all(): Identity[] {
    return [this.#identity, ...this.#named.values()];
  }

  reload(material: TlsMaterial, sni?: Readonly<Record<string, TlsMaterial>>): void {
    const identity = this.#identify(material);
    if (sni) this.#named = this.#identifyAll(sni);
    this.#identity = identity;
  }

  upgrade(conn: ByteConn): Promise<ByteConn> {
    const base = new TlsBase(conn);
    let used = this.#identity;
    const socket = new (nodeTls().TLSSocket)(
      base.stream as unknown as ConstructorParameters<typeof TLSSocket>[0],
      {
        isServer: true,
        secureContext: used.context,
        ...(this.#named.size > 0 && {
          SNICallback: (name: string, choose: (error: Error | null, context?: SecureContext) => void) => {
            used = this.#named.get(name.toLowerCase()) ?? used;
            choose(null, used.context);
          },
        }),
      },
    );
    return handshake(base, socket, { done: "secure", endPoint: () => used.endPoint });
  }

  #identifyAll(sni: Readonly<Record<string, TlsMaterial>>): Map<string, Identity> {
    return new Map(
      Object.entries(sni).map(([name, material]) => [name.toLowerCase(), this.#identify(material)]),
    );
  }

  #identify(material: TlsMaterial): Identity {
    const { cert, key } = readPem(material);
    try {
      const context = nodeTls().createSecureContext({ cert, key, minVersion: this.#minVersion });
      return { context, cert, endPoint: serverEndPoint(cert) };
    } catch (error) {
      throw unfit(key, error);
    }
  }
}

/** What to say of a certificate that looks right and that TLS does not take. */
export function unfit(key: string, error: unknown): Error {
  const reason = messageOf(error);
  return new Error(
    `TLS can't be spoken with it: the key is ${keyKind(key)}, expected ${USABLE_KEYS} (${reason})`,
  );
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
  /** The peer's certificates are wanted. */
  chain?: boolean;
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
  return handshake(base, socket, {
    done: "secureConnect",
    ...(options.chain && { chain: () => chainOf(socket) }),
  });
}

/** Waits for the handshake; whatever way it fails, both layers are closed. */
function handshake(
  base: TlsBase,
  socket: TLSSocket,
  { done, endPoint, chain }: {
    done: "secure" | "secureConnect";
    endPoint?: () => Uint8Array | undefined;
    chain?: () => Uint8Array[];
  },
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
    socket.once(done, () => {
      // a resumed session binds to the certificate of its first handshake (RFC 5929 4), which may be another by now
      const binding = socket.isSessionReused() ? undefined : endPoint?.();
      const facts = { ...factsOf(socket, done === "secure"), ...(chain && { chain: chain() }) };
      const conn = new TlsConn(base, socket, binding ? { ...facts, endPoint: binding } : facts);
      // from here on it would destroy what is still to be read
      socket.off("error", fail);
      socket.off("_tlsError", fail);
      socket.off("close", ended);
      resolve(conn);
    });
  });
}

/** The peer's certificates as they came, each linked with the next one. */
function chainOf(socket: TLSSocket): Uint8Array[] {
  const chain: Uint8Array[] = [];
  let one: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
  while (one?.raw) {
    chain.push(one.raw);
    one = one.issuerCertificate === one ? undefined : one.issuerCertificate;
  }
  return chain;
}

function factsOf(socket: TLSSocket, server: boolean): TlsFacts {
  const serverName = server && (socket as unknown as { servername: string | false | null }).servername;
  const untrusted = server ? undefined : distrust(socket);
  return {
    protocol: socket.getProtocol() ?? "",
    cipher: socket.getCipher().name,
    ...(serverName && { serverName }),
    ...(untrusted !== undefined && { untrusted }),
  };
}

/**
 * Why the server is not trusted. Of a session that was resumed Deno says "authorized" in any case, also where it was made
 * with a certificate that nobody vouches for; so none is resumed from here, and one that was all the same proves nothing.
 */
function distrust(socket: TLSSocket): string | undefined {
  if (socket.isSessionReused()) return "SESSION_RESUMED";
  return socket.authorized ? undefined : String(socket.authorizationError ?? "UNKNOWN");
}
