/** What foreign mail programs meet: a server as a process, messages in a mailbox, and their own runs. */

import { assertEquals } from "@std/assert";
import { FREE_PORTS, type Kind, ServerProcess } from "../../e2e/support/server_process.ts";
import { bytesOf, SmtpTalk } from "../../e2e/support/smtp_talk.ts";
import { removeTree } from "./programs.ts";
import { Pop3Client } from "../../../src/testing/mod.ts";

/** Whose mailbox it is. */
export const USER = "brain@localhost";
/** Its password; blanks and signs are what shells and URLs stumble over. */
export const PASSWORD = "gRiZZly+bear:7";

/** What the letters are: their subjects, and texts behind the head, a character per byte. */
export const LETTERS: readonly { readonly subject: string; readonly body: string }[] = [
  { subject: "A short one", body: "How are you, old friend?\r\n" },
  { subject: "Dots", body: ".\r\n..\r\n.hidden\r\n\r\n...\r\nFrom here on\r\n>From there\r\n" },
  { subject: "Far", body: `Gr\u00c3\u00bc\u00c3\u009fe aus K\u00c3\u00b6ln\r\n${"x".repeat(900)}\r\n` },
  { subject: "A long one", body: `${"y".repeat(76)}\r\n`.repeat(5000) },
];

/** A server with the letters in brain's mailbox. */
export class PostOffice implements AsyncDisposable {
  private constructor(readonly dir: string, readonly server: ServerProcess) {}

  /** Opens it; `letters: false`: the mailbox is empty. `config` differs from the usual. */
  static async open(
    { letters = true, config: given = {} }: { letters?: boolean; config?: Record<string, unknown> } = {},
  ): Promise<PostOffice> {
    const dir = await Deno.makeTempDir({ prefix: "dinopost_interop_" });
    const config = {
      hostname: "localhost",
      domains: ["localhost"],
      accounts: { [USER]: { password: PASSWORD, name: "Brain" } },
      // with it STARTTLS is offered on loopback too
      tls: {},
      ...given,
    };
    await Deno.writeTextFile(`${dir}/dinopost.jsonc`, JSON.stringify(config));
    const env = {
      ...FREE_PORTS,
      DINOPOST_LISTEN_POP3S: "127.0.0.1:0",
      DINOPOST_LISTEN_IMAP: "127.0.0.1:0",
      DINOPOST_LISTEN_IMAPS: "127.0.0.1:0",
      DINOPOST_LISTEN_SUBMISSION: "127.0.0.1:0",
      DINOPOST_LISTEN_SUBMISSIONS: "127.0.0.1:0",
      DINOPOST_LISTEN_LMTP: "127.0.0.1:0",
    };
    const office = new PostOffice(dir, await ServerProcess.ready({ cwd: dir, env }));
    if (!letters) return office;
    using talk = await SmtpTalk.connect(office.server.address("smtp"));
    for (const { subject, body } of LETTERS) {
      const text = `From: J. Smith <jsmith@mindspring.com>\r\nTo: ${USER}\r\nSubject: ${subject}\r\n` +
        "Date: Mon, 5 Jan 2026 09:00:00 +0000\r\nMIME-Version: 1.0\r\n" +
        "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n" +
        `Message-ID: <${subject.replaceAll(" ", "-")}@mindspring.com>\r\n\r\n${body}`;
      assertEquals((await talk.send({ from: "jsmith@mindspring.com", to: [USER], text })).slice(0, 3), "250");
    }
    return office;
  }

  /** The port of a listener on 127.0.0.1. */
  port(kind: Kind): number {
    return this.server.address(kind).port;
  }

  /** The certificate that vouches for `localhost`. */
  get certificate(): string {
    return `${this.dir}/data/tls-cert.pem`;
  }

  /** The letters that are in the mailbox now. */
  async texts(): Promise<string[]> {
    await using client = await Pop3Client.connect(this.server.address("pop3"));
    await client.login(USER, PASSWORD);
    const texts = await client.all();
    await client.quit();
    return texts;
  }

  /** The letters that are in the mailbox now, by subject. */
  async subjects(): Promise<string[]> {
    return (await this.texts()).map((text) => /^Subject: (.*)\r$/m.exec(text)?.[1] ?? "?");
  }

  /** Writes a file that only its owner may read, as mail programs want it; answers its path. */
  async file(name: string, text: string): Promise<string> {
    const path = `${this.dir}/${name}`;
    await Deno.writeFile(path, bytesOf(text), { mode: 0o600 });
    await Deno.chmod(path, 0o600);
    return path;
  }

  /** Runs a program to its end, at home in the office's directory. */
  run(program: string, args: readonly string[], options: RunOptions = {}): Promise<Finished> {
    return runAt(this.dir, program, args, options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
    await removeTree(this.dir);
  }
}

/** What a program is given. */
export interface RunOptions {
  readonly stdin?: string;
  /** When `stdin` is written: when what it says matches that. Default: at once. */
  readonly after?: RegExp;
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs a program to its end, at home in a directory. */
export async function runAt(
  dir: string,
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Finished> {
  const child = new Deno.Command(program, {
    args: [...args],
    cwd: dir,
    env: { HOME: dir, LC_ALL: "C.UTF-8", TERM: "xterm", ...options.env },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(60_000),
  }).spawn();
  const say = async () => {
    const writer = child.stdin.getWriter();
    await writer.write(bytesOf(options.stdin ?? "")).catch(() => {});
    await writer.close().catch(() => {});
  };
  let said = options.after === undefined ? say() : undefined;
  const err = new Response(child.stderr).bytes();
  let out = "";
  for await (const piece of child.stdout) {
    out += latin1(piece);
    if (!said && options.after?.test(out)) said = say();
  }
  await (said ?? child.stdin.close());
  return { code: (await child.status).code, out, err: latin1(await err) };
}

/** How a program ended; what it said has a character per byte. */
export interface Finished {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** A character per byte (`TextDecoder("latin1")` is windows-1252). */
export function latin1(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return text;
}

/** Registers a test in a post office that needs programs. */
export function testWith(
  programs: readonly string[],
  name: string,
  test: (office: PostOffice) => Promise<void>,
  options: { letters?: boolean } = {},
): void {
  testIf(programs, name, async () => {
    await using office = await PostOffice.open(options);
    await test(office);
  });
}

/** Registers a test that needs programs, by name or path; without one of them it is skipped, and its name says why. */
export function testIf(
  programs: readonly string[],
  name: string,
  test: (t: Deno.TestContext) => Promise<void>,
): void {
  const missing = programs.filter((program) => !isInstalled(program));
  Deno.test({
    name: missing.length === 0 ? name : `${name} (skipped: ${missing.join(", ")} not installed)`,
    ignore: missing.length > 0,
    fn: test,
  });
}

/** Is there such a program, by its path or its name? */
export function isInstalled(program: string): boolean {
  const dirs = program.startsWith("/") ? [""] : (Deno.env.get("PATH") ?? "").split(":").concat("/usr/sbin");
  for (const dir of dirs) {
    try {
      if (Deno.statSync(dir === "" ? program : `${dir}/${program}`).isFile) return true;
    } catch {
      // not in this one
    }
  }
  return false;
}
