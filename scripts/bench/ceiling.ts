/**
 * The least that an SMTP server on Deno and its KV can do: answers by line, looks at nothing, and commits what has come
 * together before its 250. What a real server does beside is what it stays below this.
 *
 * Usage: deno run -A ceiling.ts --dir DIR
 * Prints the port it listens on.
 */
import { parseArgs } from "node:util";
import { concat } from "../../src/base/bytes.ts";

const { values } = parseArgs({ options: { dir: { type: "string", default: "." } } });

/** What one value of KV, and one commit, may hold here. */
const CHUNK = 60 * 1024;
const MOST_BYTES = 700 * 1024;
const MOST_MESSAGES = 150;

const END = [13, 10, 46, 13, 10];
const encoder = new TextEncoder();
const line = (text: string) => encoder.encode(`${text}\r\n`);
const GREETING = line("220 ceiling.test ESMTP");
const EHLO = line("250-ceiling.test\r\n250-PIPELINING\r\n250 8BITMIME");
const OK = line("250 2.0.0 Ok");
const GO_ON = line("354 Go on");
const BYE = line("221 2.0.0 Bye");

interface Waiting {
  readonly bytes: Uint8Array;
  stored(): void;
}

/** Commits in groups: what comes while one is under way shares the next. */
class Groups {
  readonly #kv: Deno.Kv;
  readonly #waiting: Waiting[] = [];
  #running = false;
  #count = 0;

  constructor(kv: Deno.Kv) {
    this.#kv = kv;
  }

  /** Resolves when it is durable. */
  store(bytes: Uint8Array): Promise<void> {
    return new Promise((stored) => {
      this.#waiting.push({ bytes, stored });
      if (!this.#running) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#waiting.length > 0) {
      let [messages, bytes] = [0, 0];
      for (const { bytes: { length } } of this.#waiting) {
        if (messages > 0 && (messages === MOST_MESSAGES || bytes + length > MOST_BYTES)) break;
        messages++;
        bytes += length;
      }
      const group = this.#waiting.splice(0, messages);
      const commit = this.#kv.atomic();
      for (const { bytes } of group) {
        const id = this.#count++;
        for (let at = 0, n = 0; at < bytes.length; at += CHUNK, n++) {
          commit.set(["body", id, n], bytes.subarray(at, at + CHUNK));
        }
      }
      await commit.commit();
      for (const { stored } of group) stored();
    }
    this.#running = false;
  }
}

/** One connection; its client sends commands whole, one or several in a write. */
async function serve(conn: Deno.TcpConn, groups: Groups): Promise<void> {
  conn.setNoDelay(true);
  const say = async (bytes: Uint8Array) => {
    for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
  };
  const input = new Uint8Array(64 * 1024);
  let text: Uint8Array[] | undefined;
  await say(GREETING);
  for (let count = await conn.read(input); count !== null; count = await conn.read(input)) {
    if (text) {
      text.push(input.slice(0, count));
      const whole = text.length === 1 ? text[0]! : concat(text);
      if (!END.every((octet, i) => whole[whole.length - END.length + i] === octet)) continue;
      text = undefined;
      await groups.store(whole);
      await say(OK);
      continue;
    }
    for (let at = 0, end = 0; at < count && end >= 0; at = end + 1) {
      end = input.subarray(0, count).indexOf(10, at);
      const verb = input[at]! & 0xdf; // a letter is enough
      if (verb === 68) { // DATA
        text = [];
        await say(GO_ON);
      } else if (verb === 81) { // QUIT
        await say(BYE);
        return;
      } else await say(verb === 69 ? EHLO : OK);
    }
  }
}

const kv = await Deno.openKv(`${values.dir}/ceiling.db`);
const groups = new Groups(kv);
const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
console.log(listener.addr.port);
for await (const conn of listener) {
  serve(conn, groups).catch(() => {}).finally(() => {
    try {
      conn.close();
    } catch {
      // its client was quicker
    }
  });
}
