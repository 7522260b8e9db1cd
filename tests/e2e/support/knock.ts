/** Connections from chosen addresses of loopback, to see who is let in. */

import net from "node:net";

/** A connection, and the first line the server said on it. */
export interface Knock extends AsyncDisposable {
  /** Without its line end; empty when the server hung up without a word. */
  readonly said: string;
  /** Closes it; resolves when that is done. */
  close(): Promise<void>;
}

/** Connects from that address and waits for the first line. */
export function knock(server: { hostname: string; port: number }, from = "127.0.0.1"): Promise<Knock> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host: server.hostname, port: server.port, localAddress: from });
    let text = "";
    const closed = Promise.withResolvers<void>();
    const close = () => {
      socket.destroy();
      return closed.promise;
    };
    const answer = () => resolve({ said: text.split("\r\n", 1)[0]!, close, [Symbol.asyncDispose]: close });
    socket.on("data", (bytes) => {
      text += bytes.toString();
      if (text.includes("\r\n")) answer();
    });
    socket.on("end", answer);
    socket.on("error", reject);
    socket.on("close", () => closed.resolve());
  });
}
