/** HTTPS requests to hosts that others name: by our own resolver, to no address that must not be reached, bounded. */

import { Buffer } from "node:buffer";
import type { IncomingMessage, RequestOptions } from "node:http";
import type { LookupFunction } from "node:net";
import process from "node:process";
import type { TLSSocket } from "node:tls";
import { concat } from "../base/bytes.ts";
import type { Clock, Timer } from "../base/clock.ts";
import { interleaved, refusal } from "../dns/addresses.ts";
import { canonicalIp } from "../dns/names.ts";
import type { Resolver } from "../dns/resolver.ts";

/** What is asked of whom. */
export interface HttpsRequest {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly method: "GET" | "POST";
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  /** Any certificate will do. */
  readonly anyCertificate?: boolean;
  /** A longer answer is none. */
  readonly maxOctets: number;
  /** A later answer is none: milliseconds. */
  readonly timeMs: number;
}

/** What requests need. */
export interface HttpsOptions {
  readonly resolver: Pick<Resolver, "addresses">;
  readonly clock: Clock;
  /** Hosts on loopback, private and link-local addresses may be connected to. */
  readonly allowPrivate: boolean;
  /** Certificates to trust instead of the built-in ones, PEM. */
  readonly ca?: readonly string[] | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What came. */
export interface HttpsAnswer {
  readonly status: number;
  readonly type: string | undefined;
  readonly body: Uint8Array;
  /** The names in the host's certificate, as the TLS library writes them. */
  readonly names: string;
}

/** Asks; rejects when there is no answer. Redirects are not followed. */
export async function requestHttps(of: HttpsRequest, options: HttpsOptions): Promise<HttpsAnswer> {
  const addresses = await addressesOf(of.host, options);
  const { clock, ca, signal } = options;
  const { request } = process.getBuiltinModule("node:https");
  const settings: RequestOptions & { ca?: string[]; rejectUnauthorized?: boolean } = {
    host: of.host,
    port: of.port,
    path: of.path,
    method: of.method,
    headers: {
      host: of.host,
      "user-agent": "dinopost",
      ...of.headers,
      ...(of.body && { "content-length": of.body.length }),
    },
    agent: false,
    lookup: lookupOf(addresses),
    ...(ca && { ca: [...ca] }),
    ...(of.anyCertificate && { rejectUnauthorized: false }),
  };
  const outgoing = request(settings);
  let timer: Timer | undefined;
  let onAbort = () => {};
  const ended = new Promise<never>((_, reject) => {
    outgoing.on("error", reject);
    timer = clock.schedule(
      of.timeMs,
      () => reject(new Error(`no answer within ${of.timeMs / 1000} seconds`)),
    );
    onAbort = () => reject(new Error("it was ended here"));
    signal?.addEventListener("abort", onAbort, { once: true });
    if (signal?.aborted) onAbort();
  });
  const answered = new Promise<IncomingMessage>((resolve) => outgoing.on("response", resolve))
    .then((answer) => read(answer, of.maxOctets));
  try {
    outgoing.end(of.body && Buffer.from(of.body));
    return await Promise.race([answered, ended]);
  } finally {
    timer?.cancel();
    signal?.removeEventListener("abort", onAbort);
    answered.catch(() => {}); // what breaks by the end of it
    outgoing.destroy();
  }
}

async function addressesOf(host: string, { resolver, allowPrivate }: HttpsOptions): Promise<string[]> {
  const ip = canonicalIp(host.replace(/^\[|\]$/g, ""));
  const [v4, v6] = ip !== undefined
    ? [{ kind: "found", records: [ip] } as const, { kind: "none" } as const]
    : await Promise.all([resolver.addresses(host, 4), resolver.addresses(host, 6)]);
  const all = interleaved(
    v4.kind === "found" ? v4.records : [],
    v6.kind === "found" ? v6.records : [],
  );
  const usable = all.filter((address) => refusal(address, allowPrivate) === undefined);
  if (usable.length > 0) return usable;
  const why = [v4, v6].flatMap((answer) => answer.kind === "temporaryFailure" ? [answer.why] : []);
  if (why.length > 0) throw new Error(why[0]);
  throw new Error(all.length > 0 ? `${all[0]} is ${refusal(all[0]!, allowPrivate)}` : "it has no address");
}

async function read(answer: IncomingMessage, maxOctets: number): Promise<HttpsAnswer> {
  const { subjectaltname = "" } = (answer.socket as TLSSocket).getPeerCertificate();
  const pieces: Uint8Array[] = [];
  let octets = 0;
  for await (const piece of answer as AsyncIterable<Uint8Array>) {
    octets += piece.length;
    if (octets > maxOctets) throw new Error(`its answer is longer than ${maxOctets} octets`);
    pieces.push(piece);
  }
  const { statusCode = 0, headers } = answer;
  return { status: statusCode, type: headers["content-type"], body: concat(pieces), names: subjectaltname };
}

/** The addresses that were looked up and judged before: nothing lies between that and the connection. */
function lookupOf(addresses: readonly string[]): LookupFunction {
  const list = addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 }));
  return (_host, { all }, callback) => {
    if (all) callback(null, list);
    else callback(null, list[0]!.address, list[0]!.family);
  };
}
