/** Two servers, ours and one of another make, with dnsmasq as the DNS of both. */

import { Pop3Client } from "../../../src/testing/mod.ts";
import { FREE_PORTS, ServerProcess } from "../../e2e/support/server_process.ts";
import { SmtpTalk } from "../../e2e/support/smtp_talk.ts";
import { type Commands, type ForeignServer, INJECTION } from "./foreign_server.ts";
import { latin1 } from "./post_office.ts";
import { answers, end, removeTree, until } from "./programs.ts";

/** Here. */
export const BRAIN = "brain@howstuffworks.com";
/** There. */
export const JSMITH = "jsmith@mindspring.com";

const PASSWORD = "gRiZZly+bear:7";
const TOKEN = "relay-town";
const OURS = "127.0.50.1";
const THEIRS = "127.0.50.2";
const DNS = "127.0.50.53";

/** The two servers. */
export class RelayTown implements AsyncDisposable {
  #theirs: Deno.ChildProcess | undefined;
  #commands: Commands = { start: [] };

  private constructor(
    readonly dir: string,
    readonly ours: ServerProcess,
    readonly dns: Deno.ChildProcess,
  ) {}

  /** Builds it; the foreign server does not run yet. */
  static async build(foreign: ForeignServer): Promise<RelayTown> {
    const dir = await Deno.makeTempDir({ prefix: "dinopost_relay_" });
    await Deno.chmod(dir, 0o755);
    await Deno.writeTextFile(`${dir}/resolv.conf`, `nameserver ${DNS}\n`);
    const dns = dnsmasq();
    try {
      await answers(DNS, 53);
      const config = {
        tls: {},
        hostname: "mail.howstuffworks.com",
        domains: ["howstuffworks.com"],
        accounts: { [BRAIN]: { password: PASSWORD } },
        dns: { nameServer: `${DNS}:53` },
        outbound: { allowPrivate: true },
        relay: { networks: ["127.0.0.1"] },
      };
      await Deno.writeTextFile(`${dir}/dinopost.jsonc`, JSON.stringify(config));
      const env = {
        ...FREE_PORTS,
        DINOPOST_LISTEN_SMTP: `${OURS}:25`,
        DINOPOST_ADMIN_TOKEN: TOKEN,
      };
      const town = new RelayTown(dir, await ServerProcess.ready({ cwd: dir, env }), dns);
      await Deno.mkdir(`${dir}/theirs`);
      town.#commands = await foreign.prepare({
        dir: `${dir}/theirs`,
        address: THEIRS,
        hostname: "mail.mindspring.com",
        domain: "mindspring.com",
      });
      return town;
    } catch (error) {
      await end(dns);
      throw error;
    }
  }

  /** Starts the foreign server and waits until it greets. */
  async up(): Promise<void> {
    const resolv = `mount --bind ${this.dir}/resolv.conf /etc/resolv.conf`;
    this.#theirs = new Deno.Command("unshare", {
      args: ["--mount", "sh", "-c", `${resolv} && exec "$@"`, "sh", ...this.#commands.start],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    await answers(THEIRS, 25);
  }

  /** brain writes to somebody; the text is characters that stand for bytes. Answers the queue id. */
  async brainWrites(to: string, text: string): Promise<string> {
    using talk = await SmtpTalk.connect({ hostname: OURS, port: 25 });
    const reply = await talk.send({ from: BRAIN, to: [to], text });
    const [, id] = /^250 2\.0\.0 Ok: queued as (\w+)$/.exec(reply) ?? [];
    if (id === undefined) throw new Error(`Our server said: ${reply}`);
    return id;
  }

  /** jsmith writes to somebody, through the foreign server. */
  async jsmithWrites(to: string, text: string): Promise<void> {
    using talk = await SmtpTalk.connect({ hostname: THEIRS, port: INJECTION });
    const reply = await talk.send({ from: JSMITH, to: [to], text });
    if (!reply.startsWith("250")) throw new Error(`The foreign server said: ${reply}`);
  }

  /** The one letter that jsmith has, as bytes, once it is there; the files have LF line ends. */
  async jsmithGets(): Promise<string> {
    const folder = `${this.dir}/theirs/mail/jsmith/new`;
    return await until("a letter for jsmith", async () => {
      try {
        const names = [...Deno.readDirSync(folder)].map(({ name }) => `${folder}/${name}`);
        if (names[0] === undefined) return undefined;
        const text = latin1(await Deno.readFile(names[0]));
        await Deno.remove(names[0]);
        return text;
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return undefined;
        throw error;
      }
    });
  }

  /** The one letter that brain has, once it is there. */
  async brainGets(): Promise<string> {
    return await until("a letter for brain", async () => {
      await using client = await Pop3Client.connect(this.ours.address("pop3"));
      await client.login(BRAIN, PASSWORD);
      const [text] = await client.all();
      if (text !== undefined) await client.command("DELE 1");
      await client.quit();
      return text;
    });
  }

  /** Calls the API. */
  async api(method: string, path: string): Promise<{ status: number; body: unknown }> {
    const response = await fetch(`${this.ours.url}/api/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${TOKEN}` },
    });
    const text = await response.text();
    return { status: response.status, body: text === "" ? undefined : JSON.parse(text) };
  }

  /** What a message in the queue waits for, once it was tried: its last error. */
  async deferred(id: string): Promise<string> {
    return await until(`message ${id} to be deferred`, async () => {
      const { body } = await this.api("GET", `/queue/${id}`);
      const { state, recipients } = body as { state: string; recipients: { lastError: string | null }[] };
      return state === "deferred" ? recipients[0]?.lastError ?? undefined : undefined;
    });
  }

  async #down(theirs: Deno.ChildProcess): Promise<void> {
    const [program, ...args] = this.#commands.stop ?? [];
    if (program) await new Deno.Command(program, { args, stdout: "null", stderr: "null" }).output();
    await end(theirs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#theirs) await this.#down(this.#theirs);
    await this.ours[Symbol.asyncDispose]();
    await end(this.dns);
    await removeTree(this.dir);
  }
}

function dnsmasq(): Deno.ChildProcess {
  const hosts = [["howstuffworks.com", OURS], ["mindspring.com", THEIRS]];
  return new Deno.Command("dnsmasq", {
    args: [
      ...["--keep-in-foreground", "--conf-file=/dev/null", "--pid-file=", "--user=root", "--log-facility=-"],
      ...["--no-resolv", "--no-hosts", "--bind-interfaces", `--listen-address=${DNS}`, "--local-ttl=0"],
      ...hosts.flatMap(([domain, address]) => [
        `--local=/${domain}/`,
        `--mx-host=${domain},mail.${domain},10`,
        `--host-record=mail.${domain},${address}`,
      ]),
    ],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
}

/** A letter with what gets lost on the way when somebody is careless: dots, eight bits, long lines, blanks at ends. */
export function letterTo(to: string, subject: string): string {
  const head = `From: ${to === BRAIN ? JSMITH : BRAIN}\r\nTo: ${to}\r\nSubject: ${subject}\r\n` +
    "Date: Mon, 5 Jan 2026 09:00:00 +0000\r\nMessage-ID: <1@example.org>\r\nMIME-Version: 1.0\r\n" +
    "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n";
  return head + BODY;
}

/** What is behind the head of {@linkcode letterTo}. */
export const BODY = ".\r\n..\r\n.hidden\r\n\r\nFrom here on  \r\n\tGr\u00c3\u00bc\u00c3\u009fe\r\n" +
  `${"x".repeat(990)}\r\n${"A line like any other.\r\n".repeat(3000)}\r\n.\r\n`;
