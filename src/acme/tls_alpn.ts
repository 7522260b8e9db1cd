/**
 * The answer to TLS-ALPN-01 (RFC 8737): a handshake of TLS 1.3 (RFC 8446) that shows a proof and ends. Deno's own TLS takes
 * no certificate with the critical extension that this needs. It knows one suite, one group, one signature; it holds a
 * throw-away key and public data only.
 */

import process from "node:process";
import { concat, encode, equalInConstantTime } from "../base/bytes.ts";
import type { ByteConn } from "../wire/byte_conn.ts";
import type { ClientHello } from "../wire/client_hello.ts";
import type { ProofCertificate } from "./certificates.ts";

/** The protocol that asks for it. */
export const ACME_TLS = "acme-tls/1";

const TLS_1_3 = 0x0304;
const AES_128_GCM_SHA256 = 0x1301;
const X25519 = 0x001d;
const ECDSA_P256 = 0x0403;
const RECORD = { changeCipherSpec: 20, alert: 21, handshake: 22, data: 23 } as const;
const MESSAGE = {
  serverHello: 2,
  encryptedExtensions: 8,
  certificate: 11,
  certificateVerify: 15,
  finished: 20,
} as const;
const EXTENSION = { alpn: 16, supportedVersions: 43, keyShare: 51 } as const;
const ALERT = { closeNotify: 0, handshakeFailure: 40, unrecognizedName: 112 } as const;
const [WARNING, FATAL] = [1, 2];
const HASH_OCTETS = 32;
/** RFC 8410: an X25519 key as SPKI is this and the key. */
const X25519_SPKI = Uint8Array.fromHex("302a300506032b656e032100");
const MAX_RECORD = 16 * 1024 + 256;

/** Shows the proof of the name that is asked for, and closes. `random`: 32 octets. Never rejects. */
export async function answerTlsAlpn(
  conn: ByteConn,
  hello: ClientHello,
  { proofs, random }: { proofs: ReadonlyMap<string, ProofCertificate>; random: Uint8Array },
): Promise<void> {
  try {
    const proof = hello.serverName === undefined ? undefined : proofs.get(hello.serverName);
    const share = hello.keyShares.get(X25519);
    const canSpeak = hello.versions.includes(TLS_1_3) && hello.cipherSuites.includes(AES_128_GCM_SHA256) &&
      hello.signatureSchemes.includes(ECDSA_P256);
    if (!proof) await conn.write(record(RECORD.alert, Uint8Array.of(FATAL, ALERT.unrecognizedName)));
    else if (!canSpeak || share?.length !== 32) {
      await conn.write(record(RECORD.alert, Uint8Array.of(FATAL, ALERT.handshakeFailure)));
    } else await shakeHands(conn, hello, { proof, share, random });
  } catch {
    // the authority tells what it did not like
  } finally {
    conn.close();
  }
}

async function shakeHands(
  conn: ByteConn,
  hello: ClientHello,
  { proof, share, random }: { proof: ProofCertificate; share: Uint8Array; random: Uint8Array },
): Promise<void> {
  const { generateKeyPairSync, createPublicKey, diffieHellman } = process.getBuiltinModule("node:crypto");
  const { publicKey, privateKey } = generateKeyPairSync("x25519");
  const ours = new Uint8Array(publicKey.export({ type: "spki", format: "der" })).subarray(-32);
  const theirs = createPublicKey({
    key: Buffer(concat([X25519_SPKI, share])),
    format: "der",
    type: "spki",
  });
  const shared = new Uint8Array(diffieHellman({ privateKey, publicKey: theirs }));
  const serverHello = message(
    MESSAGE.serverHello,
    concat([
      number(0x0303, 2),
      random,
      vector(1, hello.sessionId),
      number(AES_128_GCM_SHA256, 2),
      Uint8Array.of(0),
      vector(
        2,
        concat([
          extension(EXTENSION.supportedVersions, number(TLS_1_3, 2)),
          extension(EXTENSION.keyShare, concat([number(X25519, 2), vector(2, ours)])),
        ]),
      ),
    ]),
  );
  const keys = new KeySchedule(shared, [hello.message, serverHello]);
  const sealed = new Sealer(keys.server);
  await conn.write(concat([
    record(RECORD.handshake, serverHello),
    // for boxes in the middle that know TLS 1.2 only (RFC 8446 D.4)
    ...(hello.sessionId.length > 0 ? [record(RECORD.changeCipherSpec, Uint8Array.of(1))] : []),
    sealed.seal(RECORD.handshake, concat(await keys.serverFlight(proof))),
  ]));
  const finished = await readFinished(conn, new Opener(keys.client));
  if (!equalInConstantTime(finished, keys.clientFinished())) {
    throw new Error("The client's Finished is wrong");
  }
  await conn.write(
    new Sealer(keys.application()).seal(RECORD.alert, Uint8Array.of(WARNING, ALERT.closeNotify)),
  );
}

/** The secrets of RFC 8446 7.1, over a transcript that grows. */
class KeySchedule {
  readonly client: Uint8Array;
  readonly server: Uint8Array;
  readonly #handshake: Uint8Array;
  readonly #transcript: Uint8Array[];

  constructor(shared: Uint8Array, transcript: Uint8Array[]) {
    const zeros = new Uint8Array(HASH_OCTETS);
    const early = hmac(zeros, zeros);
    this.#handshake = hmac(derive(early, "derived", hash([])), shared);
    this.#transcript = transcript;
    this.client = derive(this.#handshake, "c hs traffic", hash(transcript));
    this.server = derive(this.#handshake, "s hs traffic", hash(transcript));
  }

  /** All that the server says encrypted, as messages. */
  async serverFlight(proof: ProofCertificate): Promise<Uint8Array[]> {
    const alpn = extension(EXTENSION.alpn, vector(2, vector(1, encode(ACME_TLS))));
    const flight = [
      message(MESSAGE.encryptedExtensions, vector(2, alpn)),
      message(
        MESSAGE.certificate,
        concat([Uint8Array.of(0), vector(3, concat([vector(3, proof.der), number(0, 2)]))]),
      ),
    ];
    this.#transcript.push(...flight);
    const verify = concat([
      new Uint8Array(64).fill(0x20),
      encode("TLS 1.3, server CertificateVerify\0"),
      hash(this.#transcript),
    ]);
    const signature = await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, proof.key, verify);
    this.#say(
      flight,
      MESSAGE.certificateVerify,
      concat([number(ECDSA_P256, 2), vector(2, derSignature(new Uint8Array(signature)))]),
    );
    this.#say(flight, MESSAGE.finished, this.#finished(this.server));
    return flight;
  }

  /** What the client's Finished has to be; over all that was said before it. */
  clientFinished(): Uint8Array {
    return this.#finished(this.client);
  }

  /** The server's secret behind the handshake. */
  application(): Uint8Array {
    const master = hmac(derive(this.#handshake, "derived", hash([])), new Uint8Array(HASH_OCTETS));
    return derive(master, "s ap traffic", hash(this.#transcript));
  }

  #say(flight: Uint8Array[], type: number, body: Uint8Array): void {
    const said = message(type, body);
    flight.push(said);
    this.#transcript.push(said);
  }

  #finished(secret: Uint8Array): Uint8Array {
    return hmac(expand(secret, "finished", new Uint8Array(0), HASH_OCTETS), hash(this.#transcript));
  }
}

/** Encrypts records (RFC 8446 5.2). */
class Sealer {
  readonly #traffic: Traffic;

  constructor(secret: Uint8Array) {
    this.#traffic = new Traffic(secret);
  }

  seal(type: number, content: Uint8Array): Uint8Array {
    const { createCipheriv } = process.getBuiltinModule("node:crypto");
    const head = concat([Uint8Array.of(RECORD.data), number(0x0303, 2), number(content.length + 17, 2)]);
    const cipher = createCipheriv("aes-128-gcm", this.#traffic.key, this.#traffic.nonce());
    cipher.setAAD(Buffer(head));
    const inner = cipher.update(concat([content, Uint8Array.of(type)]));
    cipher.final();
    return concat([head, inner, cipher.getAuthTag()]);
  }
}

/** Decrypts them; throws when one is not what was sent. */
class Opener {
  readonly #traffic: Traffic;

  constructor(secret: Uint8Array) {
    this.#traffic = new Traffic(secret);
  }

  /** The type within, and the content. */
  open(head: Uint8Array, body: Uint8Array): { type: number; content: Uint8Array } {
    const { createDecipheriv } = process.getBuiltinModule("node:crypto");
    const decipher = createDecipheriv("aes-128-gcm", this.#traffic.key, this.#traffic.nonce());
    decipher.setAAD(Buffer(head));
    decipher.setAuthTag(body.subarray(-16));
    const inner = new Uint8Array(decipher.update(body.subarray(0, -16)));
    decipher.final();
    const end = inner.findLastIndex((octet) => octet !== 0); // what follows is padding
    return { type: inner[end] ?? 0, content: inner.subarray(0, Math.max(0, end)) };
  }
}

/** The key of one direction, and a nonce for each record (RFC 8446 5.3). */
class Traffic {
  readonly key: Uint8Array;
  readonly #iv: Uint8Array;
  #records = 0;

  constructor(secret: Uint8Array) {
    this.key = expand(secret, "key", new Uint8Array(0), 16);
    this.#iv = expand(secret, "iv", new Uint8Array(0), 12);
  }

  /** Never the same twice; one octet counts far enough. */
  nonce(): Uint8Array {
    if (this.#records > 255) throw new Error("Too many records for a proof");
    const nonce = this.#iv.slice();
    nonce[11]! ^= this.#records++;
    return nonce;
  }
}

/** The content of the client's Finished; throws for an alert, and for anything else. */
async function readFinished(conn: ByteConn, opener: Opener): Promise<Uint8Array> {
  for (let records = 0; records < 3; records++) {
    const head = await readFull(conn, 5);
    const length = (head[3]! << 8) | head[4]!;
    if (length > MAX_RECORD) break;
    const body = await readFull(conn, length);
    if (head[0] === RECORD.changeCipherSpec) continue;
    if (head[0] !== RECORD.data) break;
    const { type, content } = opener.open(head, body);
    if (type !== RECORD.handshake || content[0] !== MESSAGE.finished) break;
    return content.subarray(4);
  }
  throw new Error("The client did not finish");
}

async function readFull(conn: ByteConn, length: number): Promise<Uint8Array> {
  const whole = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const count = await conn.read(whole.subarray(at));
    if (count === null) throw new Error("The client went away");
    at += count;
  }
  return whole;
}

function hmac(key: Uint8Array, data: Uint8Array): Uint8Array {
  const { createHmac } = process.getBuiltinModule("node:crypto");
  return new Uint8Array(createHmac("sha256", key).update(data).digest());
}

function hash(messages: readonly Uint8Array[]): Uint8Array {
  const { createHash } = process.getBuiltinModule("node:crypto");
  return new Uint8Array(createHash("sha256").update(concat(messages)).digest());
}

/** Derive-Secret, for a transcript that is hashed already. */
function derive(secret: Uint8Array, label: string, transcript: Uint8Array): Uint8Array {
  return expand(secret, label, transcript, HASH_OCTETS);
}

/** HKDF-Expand-Label; one block of HMAC is enough for all that is wanted. */
function expand(secret: Uint8Array, label: string, context: Uint8Array, length: number): Uint8Array {
  const info = concat([number(length, 2), vector(1, encode(`tls13 ${label}`)), vector(1, context)]);
  return hmac(secret, concat([info, Uint8Array.of(1)])).subarray(0, length);
}

function record(type: number, content: Uint8Array): Uint8Array {
  return concat([Uint8Array.of(type), number(0x0303, 2), vector(2, content)]);
}

function message(type: number, body: Uint8Array): Uint8Array {
  return concat([Uint8Array.of(type), vector(3, body)]);
}

function extension(type: number, data: Uint8Array): Uint8Array {
  return concat([number(type, 2), vector(2, data)]);
}

function vector(size: number, octets: Uint8Array): Uint8Array {
  return concat([number(octets.length, size), octets]);
}

function number(value: number, size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, i) => value >> (8 * (size - 1 - i)));
}

/** r and s as DER (RFC 3279 2.2.3), which WebCrypto gives bare. */
function derSignature(bare: Uint8Array): Uint8Array {
  const integers = [bare.subarray(0, 32), bare.subarray(32)].map((octets) => {
    const start = octets.findIndex((octet) => octet !== 0);
    const digits = octets.subarray(start === -1 ? 31 : start);
    return concat([
      Uint8Array.of(2),
      vector(1, digits[0]! > 127 ? concat([Uint8Array.of(0), digits]) : digits),
    ]);
  });
  return concat([Uint8Array.of(0x30), vector(1, concat(integers))]);
}

/** The same octets for the functions of node:crypto that take no plain array. */
function Buffer(octets: Uint8Array) {
  return process.getBuiltinModule("node:buffer").Buffer.from(octets);
}
