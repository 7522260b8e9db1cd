/**
 * WebSockets (RFC 6455) that only tell: what their clients say is read and thrown away. The `ws` library does the
 * protocol; who takes nothing is let go, and so is who has gone without a word.
 */

import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { Clock, Timer } from "../base/clock.ts";

/** A client that listens. */
export interface TextSocket {
  /** Sends a text; a client that is far behind is let go instead. */
  send(text: string): void;
  /** Says that the server goes away, and closes when the client has answered or a second has passed. */
  goAway(): void;
  /** Resolves when the connection is over. */
  readonly closed: Promise<void>;
}

/** Makes a WebSocket of a request: `take` gets it behind the handshake. The answer is what the request is answered. */
export type Upgrade = (take: (socket: TextSocket) => void) => Response;

/** What is used of the library, which has no types. */
interface Socket {
  readonly bufferedAmount: number;
  on(event: "pong" | "close" | "error", listener: () => void): void;
  ping(): void;
  send(text: string): void;
  close(code: number): void;
  terminate(): void;
}

interface Handshakes {
  handleUpgrade(incoming: IncomingMessage, stream: Duplex, head: Uint8Array, done: (s: Socket) => void): void;
}

/** A client has this long to answer a ping, before the next one. */
const PING_MS = 30_000;
/** And this long to answer a goodbye. */
const GOODBYE_MS = 1_000;
/** What may wait for a client: octets. */
const BACKLOG = 1024 * 1024;
/** Nobody has anything to tell us. */
const LONGEST_MESSAGE = 4096;

let handshakes: Promise<Handshakes> | undefined;

/** Loaded when first asked for. */
function library(): Promise<Handshakes> {
  return handshakes ??= import("ws").then(({ WebSocketServer }) =>
    new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: LONGEST_MESSAGE,
    })
  );
}

/** Is that the head of a request for a WebSocket (RFC 6455 4.2.1)? */
export function asksForWebSocket({ method, headers }: IncomingMessage): boolean {
  return method === "GET" && headers.upgrade?.toLowerCase() === "websocket";
}

/** Answers the handshake; `take` gets the socket, unless the request had no key, or a version that is not ours. */
export async function shakeHands(
  incoming: IncomingMessage,
  { stream, head, clock, take }: {
    stream: Duplex;
    head: Uint8Array;
    clock: Clock;
    take: (socket: TextSocket) => void;
  },
): Promise<void> {
  const server = await library();
  server.handleUpgrade(incoming, stream, head, (socket) => take(watched(socket, clock)));
}

function watched(socket: Socket, clock: Clock): TextSocket {
  const closed = Promise.withResolvers<void>();
  let answered = true;
  let timer: Timer;
  const beat = () => {
    if (!answered) return socket.terminate();
    answered = false;
    socket.ping();
    timer = clock.schedule(PING_MS, beat);
  };
  timer = clock.schedule(PING_MS, beat);
  socket.on("pong", () => answered = true);
  // an error is followed by the end; one that nobody hears would end the process
  socket.on("error", () => {});
  socket.on("close", () => {
    timer.cancel();
    closed.resolve();
  });
  return {
    closed: closed.promise,
    send: (text) => socket.bufferedAmount > BACKLOG ? socket.terminate() : socket.send(text),
    goAway: () => {
      socket.close(1001);
      timer.cancel();
      timer = clock.schedule(GOODBYE_MS, () => socket.terminate());
    },
  };
}
