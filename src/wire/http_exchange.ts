/** One HTTP exchange: a request of node:http as a `Request`, a `Response` as its answer. */

import type { IncomingMessage, ServerResponse } from "node:http";

/** Node's two sides of an exchange. */
export interface Exchange {
  readonly incoming: IncomingMessage;
  readonly response: ServerResponse;
}

/** Who answers, and what a request was sent to. */
export interface AnswerOptions {
  fetch(request: Request): Response | Promise<Response>;
  readonly origin: {
    /** TLS carries the connection. */
    readonly secure: boolean;
    /** For a request that names no host. */
    readonly local: { readonly hostname: string; readonly port: number };
  };
}

/** A body ended before it was whole: its client went away, or what it was read from. Nothing is wrong with the server. */
export class BodyAborted extends Error {
  /** The class, as it is shown in front of the message. */
  override readonly name = "BodyAborted";
}

/** The status (Switching Protocols) of an answer that is not sent: who asked for it goes on with the connection. */
export const SWITCHING = 101;

/** Methods that a `Request` can't be made with; what answers it says what it thinks of them. */
const FORBIDDEN_METHODS: ReadonlySet<string> = new Set(["CONNECT", "TRACE", "TRACK"]);

/** Answers a request. Resolves when the answer was given, or the client has gone; rejects with what `fetch` threw. */
export async function answer(exchange: Exchange, options: AnswerOptions): Promise<void> {
  const { response } = exchange;
  const gone = new AbortController();
  response.once("close", () => {
    if (!response.writableFinished) gone.abort();
  });
  const answered = await answerTo(exchange.incoming, options, gone.signal);
  if (!answered) return void response.writeHead(400, { "content-length": "0", connection: "close" }).end();
  if (gone.signal.aborted) await answered.body?.cancel();
  else if (answered.status !== SWITCHING) await send(answered, exchange, gone.signal);
}

/** Apart: what waits for the answer would hold the request. Undefined: it is none. */
function answerTo(
  incoming: IncomingMessage,
  { fetch, origin }: AnswerOptions,
  signal: AbortSignal,
): Response | Promise<Response> | undefined {
  const request = requestOf(incoming, { origin, signal });
  return request && fetch(request);
}

/** Undefined: its target or a field is nothing that a `Request` can have. */
function requestOf(
  incoming: IncomingMessage,
  { origin, signal }: { origin: AnswerOptions["origin"]; signal: AbortSignal },
): Request | undefined {
  const { method = "GET", headers: named, rawHeaders } = incoming;
  try {
    const headers: [string, string][] = [];
    for (let i = 0; i < rawHeaders.length; i += 2) headers.push([rawHeaders[i]!, rawHeaders[i + 1]!]);
    const hasBody = method !== "GET" && method !== "HEAD" &&
      (named["transfer-encoding"] !== undefined || Number(named["content-length"] ?? 0) > 0);
    const isForbidden = FORBIDDEN_METHODS.has(method);
    const request = new Request(urlOf(incoming, origin), {
      method: isForbidden ? "POST" : method,
      headers,
      body: hasBody ? ReadableStream.from(bodyOf(incoming)) as ReadableStream<Uint8Array> : null,
    });
    if (isForbidden) Object.defineProperty(request, "method", { value: method });
    // given to the constructor it would be followed by a signal of the request's own, the dearest part of it
    return Object.defineProperty(request, "signal", { value: signal });
  } catch {
    return undefined;
  }
}

function urlOf({ url = "/", headers }: IncomingMessage, { secure, local }: AnswerOptions["origin"]): string {
  if (/^https?:\/\//i.test(url)) return url; // RFC 9112 3.2.2
  const name = local.hostname.includes(":") ? `[${local.hostname}]` : local.hostname;
  const host = headers.host || `${name}:${local.port}`;
  if (/[/?#@\\\s]/.test(host)) throw new TypeError("The Host field is no host");
  return `${secure ? "https" : "http"}://${host}${url.startsWith("/") ? url : `/${url}`}`;
}

async function* bodyOf(incoming: IncomingMessage): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of incoming) yield chunk as Uint8Array;
  } catch (error) {
    throw new BodyAborted("The client went away before the body was whole", { cause: error });
  }
}

async function send(answered: Response, { incoming, response }: Exchange, gone: AbortSignal): Promise<void> {
  response.statusCode = answered.status;
  for (const [name, value] of answered.headers) {
    if (name !== "set-cookie") response.setHeader(name, value);
  }
  const cookies = answered.headers.getSetCookie();
  if (cookies.length > 0) response.setHeader("set-cookie", cookies);
  // what still comes of a body that nobody wanted ends the connection
  if (!incoming.complete) response.setHeader("connection", "close");
  const { body } = answered;
  if (!body || incoming.method === "HEAD") {
    response.end();
    await body?.cancel();
    return;
  }
  const reader = body.getReader();
  // a stream that waits for its next piece hears of it, too
  const onGone = () => void reader.cancel().catch(() => {});
  gone.addEventListener("abort", onGone, { once: true });
  try {
    const first = await reader.read();
    if (first.done) return void response.end();
    const next = reader.read();
    // what was one text goes out in one piece, with its length
    if (await isDoneAlready(next)) return void response.end(first.value);
    await write(response, first.value);
    for (let piece = await next; !piece.done; piece = await reader.read()) await write(response, piece.value);
    response.end();
  } finally {
    gone.removeEventListener("abort", onGone);
  }
}

/** Has the stream ended, without waiting for anything but turns of this one? */
async function isDoneAlready(next: Promise<ReadableStreamReadResult<Uint8Array>>): Promise<boolean> {
  let done = false;
  next.then((piece) => done = piece.done, () => {});
  for (let turns = 0; turns < 4 && !done; turns++) await Promise.resolve();
  return done;
}

/** Resolves when there is room for more, or nobody takes it any more. */
function write(response: ServerResponse, piece: Uint8Array): Promise<void> | void {
  if (response.destroyed || response.write(piece)) return;
  return new Promise((resolve) => {
    const done = () => {
      response.off("drain", done);
      response.off("close", done);
      resolve();
    };
    response.on("drain", done);
    response.on("close", done);
  });
}
