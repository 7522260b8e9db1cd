/** Who listens over a WebSocket hears what happens, as Mailpit's and MailHog's clients do. */

import { assertEquals, assertMatch } from "@std/assert";
import { CapturingServer } from "../capture/capturing_server.ts";

/** What a listener hears. */
class Ear implements Disposable {
  readonly #heard: string[] = [];
  #wake = () => {};
  readonly closed: Promise<number>;

  private constructor(readonly socket: WebSocket) {
    socket.onmessage = ({ data }) => {
      this.#heard.push(data);
      this.#wake();
    };
    this.closed = new Promise((resolve) => socket.onclose = ({ code }) => resolve(code));
  }

  static async at(town: CapturingServer, path: string, headers: Record<string, string> = {}): Promise<Ear> {
    const { hostname, port } = town.at("admin");
    const ear = new Ear(new WebSocket(`ws://${hostname}:${port}${path}`, { headers }));
    await new Promise<void>((resolve, reject) => {
      ear.socket.onopen = () => resolve();
      ear.socket.onerror = (event) => reject(new Error((event as ErrorEvent).message));
    });
    return ear;
  }

  // deno-lint-ignore no-explicit-any
  async next(): Promise<any> {
    while (this.#heard.length === 0) await new Promise<void>((resolve) => this.#wake = resolve);
    return JSON.parse(this.#heard.shift()!);
  }

  /** What is told of changes, and then the counts that follow. */
  async told(count: number): Promise<[type: string, data: unknown][]> {
    const all: [string, unknown][] = [];
    for (let i = 0; i <= count; i++) {
      const { Type, Data } = await this.next();
      all.push([Type, Type === "stats" ? [Data.Total, Data.Unread] : Data]);
    }
    return all;
  }

  [Symbol.dispose](): void {
    this.socket.close();
  }
}

const TEXT = "From: A <a@b.example>\r\nSubject: one\r\nX-Tags: red\r\n\r\nhello\r\n";

Deno.test("Mailpit's events tell of each change of a message, and then of the counts", async () => {
  await using town = await CapturingServer.start();
  const call = async (method: string, path: string, body?: unknown) => {
    const answer = await town.ask(`/api/v1/${path}`, { method, body: body ? JSON.stringify(body) : null });
    await answer.body?.cancel();
  };
  using ear = await Ear.at(town, "/api/events");
  const ID = await town.send({ to: ["bob@example.net"], text: TEXT });
  const [[, added], ...more] = await ear.told(2) as [[string, Record<string, unknown>], unknown];
  const { To, Cc, Bcc, ReplyTo, Subject, Snippet, Read } = added;
  assertEquals([added.ID, To, Cc, Bcc, ReplyTo, Subject, Snippet, Read], [
    ID,
    [],
    [],
    [{ Name: "", Address: "bob@example.net" }],
    [],
    "one",
    "hello",
    false,
  ]);
  assertEquals(more as unknown, [["update", { ID, Tags: ["red"] }], ["stats", [1, 1]]]);
  await call("GET", `message/${ID}`);
  assertEquals(await ear.told(1), [["update", { ID, Read: true }], ["stats", [1, 0]]]);
  await call("PUT", "tags", { IDs: [ID], Tags: ["blue"] });
  assertEquals(await ear.told(1), [["update", { ID, Tags: ["blue"] }], ["stats", [1, 0]]]);
  await call("DELETE", "messages", { IDs: [ID] });
  assertEquals(await ear.told(1), [["delete", { ID }], ["stats", [0, 0]]]);
  await town.send({ to: ["bob@example.net"], text: "\r\n" });
  await ear.told(1);
  await call("DELETE", "messages");
  assertEquals(await ear.told(1), [["truncate", null], ["stats", [0, 0]]]);
});

Deno.test("The oldest leave with one word for all of them", async () => {
  await using town = await CapturingServer.start({ config: { capture: { messages: 1 } } });
  using ear = await Ear.at(town, "/api/events");
  for (const text of ["a", "b", "c"]) await town.send({ to: ["x@b.example"], text: `\r\n${text}\r\n` });
  const types: string[] = [];
  while (types.at(-1) !== "stats") types.push((await ear.next()).Type);
  // one that has left before it could be read is not told of
  assertMatch(types.join(" "), /^(new )*new prune stats$/);
});

Deno.test("MailHog's websocket tells of each message that is captured", async () => {
  await using town = await CapturingServer.start();
  using ear = await Ear.at(town, "/api/v2/websocket");
  const ID = await town.send({ from: "env@b.example", to: ["bob@example.net"], text: TEXT });
  const message = await ear.next();
  assertEquals([message.ID, message.From.Mailbox, message.Content.Body], [ID, "env", "hello"]);
});

Deno.test("A socket is given to whoever may ask, and ends with the server", async () => {
  const token = "x".repeat(40);
  await using town = await CapturingServer.start({ config: { admin: { token } } });
  const wish = { connection: "upgrade", upgrade: "websocket", "sec-websocket-version": "13" };
  const key = { "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==" };
  const authorization = `Bearer ${token}`;
  const basic = `Basic ${btoa(`anybody:${token}`)}`;
  for (
    const [headers, status] of [
      [{ ...wish, ...key }, 401],
      [{ ...wish, ...key, authorization: basic, origin: "https://else.example" }, 403],
      [{ ...wish, ...key, authorization, host: "else.example" }, 421],
      [{ ...wish, authorization }, 400],
      [{ authorization }, 400],
    ] as const
  ) {
    assertEquals([headers, (await raw(town, headers)).status], [headers, status]);
  }
  const ear = await Ear.at(town, "/api/events", { authorization: basic });
  await town.server.stop();
  assertEquals(await ear.closed, 1001);
});

/** A request with any headers, which `fetch` would not send. */
async function raw(town: CapturingServer, headers: Record<string, string>): Promise<{ status: number }> {
  const { hostname, port } = town.at("admin");
  const { default: http } = await import("node:http");
  return await new Promise((resolve, reject) => {
    const request = http.request({ hostname, port, path: "/api/events", headers, agent: false }, (answer) => {
      answer.resume().on("end", () => resolve({ status: answer.statusCode! }));
    });
    request.on("upgrade", () => reject(new Error("a socket was given"))).on("error", reject).end();
  });
}
