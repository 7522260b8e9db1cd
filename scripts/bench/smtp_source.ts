/** Postfix's own load and sink, `smtp-source` and `smtp-sink`: in C, so that they leave the machine to the server. */

import { getAvailablePort } from "@std/net";

const ADDRESS = "127.0.0.1";
const SOURCE = "/usr/sbin/smtp-source";
const SINK = "/usr/sbin/smtp-sink";
const START_TRIES = 100;
const POLL_MS = 10;

/** How long so many messages may take: milliseconds, which only what has gone wrong needs. */
export function patience(messages: number): number {
  return 120_000 + 20 * messages;
}

/** What is to be sent. */
export interface SourceLoad {
  readonly port: number;
  readonly to: string;
  readonly connections: number;
  readonly messages: number;
  /** Octets of the text. */
  readonly size: number;
  /** A connection for each message. */
  readonly anew?: boolean;
}

/** Sends it all, answers how many milliseconds it took; throws when a message was not accepted. */
export async function send({ port, to, connections, messages, size, anew }: SourceLoad): Promise<number> {
  const args = ["-4", "-M", "client.test", "-f", "sender@client.test", "-t", to];
  args.push("-s", String(connections), "-m", String(messages), "-l", String(size));
  if (!anew) args.push("-d");
  const from = performance.now();
  const { success, stderr } = await new Deno.Command(SOURCE, {
    args: [...args, `${ADDRESS}:${port}`],
    stdin: "null",
    stdout: "null",
    signal: AbortSignal.timeout(patience(messages)),
  }).output();
  const ms = performance.now() - from;
  if (!success) {
    const said = new TextDecoder().decode(stderr).trim().slice(-300);
    throw new Error(`smtp-source failed after ${Math.round(ms)} ms: ${said}`);
  }
  return ms;
}

/** A running sink, which throws away what it gets and counts it. */
export class SmtpSink implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  #said = "";

  private constructor(child: Deno.ChildProcess, readonly port: number) {
    this.#child = child;
    this.#listen(child.stdout).catch(() => {}); // it ends with the sink
  }

  /** Starts one. */
  static async start(): Promise<SmtpSink> {
    const port = getAvailablePort();
    const child = new Deno.Command(SINK, {
      args: ["-4", "-u", "nobody", "-c", "-m", "1000", `${ADDRESS}:${port}`, "1024"],
      stdin: "null",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const sink = new SmtpSink(child, port);
    for (let tries = 0; tries < START_TRIES; tries++) {
      try {
        (await Deno.connect({ hostname: ADDRESS, port })).close();
        return sink;
      } catch {
        await pause(POLL_MS);
      }
    }
    await sink[Symbol.asyncDispose]();
    throw new Error("smtp-sink did not start");
  }

  /** How many messages came, by its running counter. */
  get count(): number {
    return Number([...this.#said.matchAll(/mesg=(\d+)/g)].at(-1)?.[1] ?? 0);
  }

  /** Resolves when so many came, or more; throws when they don't come. */
  async until(count: number): Promise<void> {
    for (const late = performance.now() + patience(count); this.count < count; await pause(POLL_MS)) {
      if (performance.now() > late) throw new Error(`The sink got ${this.count} of ${count} messages`);
    }
  }

  /** Resolves when so many came and no more; throws otherwise. */
  async exactly(count: number): Promise<void> {
    await this.until(count);
    if (this.count > count) throw new Error(`The sink got ${this.count} messages for ${count}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.status;
  }

  async #listen(stdout: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const part of stdout) this.#said = (this.#said + decoder.decode(part)).slice(-200);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms));
}
