/**
 * The post to a webhook: signed as the Standard Webhooks specification says, and sent to no address that
 * it must not reach. Node's client is used since it lets us see the address that is connected to.
 */

import type { Clock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import { TimeLimit } from "../base/time_limit.ts";
import { request as requestHttp, type RequestOptions } from "node:http";
import { request as requestHttps } from "node:https";
import { Webhook } from "standardwebhooks";
import { AddressRefused, guardedLookup, refuseAddress } from "../dns/guarded_lookup.ts";

/** What is posted, and where. */
export interface Post {
  /** Where it goes. */
  readonly url: string;
  /** Absent: the post is not signed. */
  readonly secret?: string | undefined;
  /** `webhook-id`: the same for each try, so that a receiver knows what it has seen. */
  readonly id: string;
  /** JSON. */
  readonly body: string;
  /** The time of the try: milliseconds since 1970. */
  readonly now: number;
  /** For how long an answer is waited for. */
  readonly clock: Clock;
  /** Loopback, private and link-local addresses may be connected to. */
  readonly allowPrivate: boolean;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/** What came of it; `text` is one line for people. */
export interface PostResult {
  /** It was answered with a 2xx. */
  readonly ok: boolean;
  /** The status of the answer; absent: there was none. */
  readonly status?: number;
  /** The status line, or why there was no answer. */
  readonly text: string;
  /** The receiver asks to wait so long: milliseconds. */
  readonly retryAfterMs?: number;
}

/** For all of it: who answers octet by octet would else keep a place, and a lease, for as long as it likes. */
const TIMEOUT_MS = 20_000;

/** Posts; never rejects. Anything but a 2xx is a failure, a redirect too. */
export async function post(of: Post): Promise<PostResult> {
  using limit = new TimeLimit(TIMEOUT_MS, of);
  try {
    const url = new URL(of.url);
    refuseAddress(url, of.allowPrivate);
    return await send(url, { ...of, signal: limit.signal });
  } catch (thrown) {
    const error = limit.signal.aborted ? limit.signal.reason : thrown;
    const hint = error instanceof AddressRefused ? ": set allowPrivate for this webhook if it is meant" : "";
    return { ok: false, text: messageOf(error) + hint };
  }
}

/** The headers that the specification asks for. */
export function signedHeaders({ id, secret, body, now }: Pick<Post, "id" | "secret" | "body" | "now">) {
  const headers: Record<string, string> = {
    "webhook-id": id,
    "webhook-timestamp": String(Math.floor(now / 1000)),
  };
  if (secret === undefined) return headers;
  const signer = secret.startsWith("whsec_") ? new Webhook(secret) : new Webhook(secret, { format: "raw" });
  return { ...headers, "webhook-signature": signer.sign(id, new Date(now), body) };
}

function send(url: URL, of: Post): Promise<PostResult> {
  const body = new TextEncoder().encode(of.body);
  const options: RequestOptions = {
    method: "POST",
    headers: {
      "content-type": "application/json",
      "content-length": body.length,
      "user-agent": "dinopost",
      ...signedHeaders(of),
    },
    agent: false,
    signal: of.signal,
    lookup: guardedLookup(of.allowPrivate),
  };
  const request = url.protocol === "https:" ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    const outgoing = request(url, options, (answer) => {
      const status = answer.statusCode ?? 0;
      const wait = Number(answer.headers["retry-after"]);
      answer.destroy(); // what it says beside the status matters to nobody
      resolve({
        ok: status >= 200 && status < 300,
        status,
        text: `${status} ${answer.statusMessage ?? ""}`.trim(),
        ...(wait > 0 && { retryAfterMs: wait * 1000 }),
      });
    });
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}
