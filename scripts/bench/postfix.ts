/**
 * A Postfix beside the server, where Debian's is installed: from a configuration of its own, in a folder of its own, on
 * loopback. It is as it comes, but for what a mode needs: services and their limits are those of the package.
 */

import { getAvailablePort } from "@std/net";
import { descendants } from "../../tests/support/processes.ts";
import { cpuOfFamily, sharedMemoryOf } from "./usage.ts";

const ADDRESS = "127.0.0.1";
const CONTROL = "/usr/sbin/postfix";
/** The package's table of services, from which Debian makes that of a new installation. */
const SERVICES = "/usr/share/postfix/master.cf.dist";
const NOBODY = 65534;
const TRIES = 400;
const PAUSE_MS = 50;
/** Its memory is looked at so often. */
const SAMPLE_MS = 1000;

/** hold: accept and queue; local: deliver to a mailbox; relay: deliver to the sink; defer: keep it for later. */
export type PostfixMode = "hold" | "local" | "relay" | "defer";

/** What is installed. */
export interface PostfixHere {
  readonly version: string;
  /** Its user and group. */
  readonly uid: number;
  readonly gid: number;
}

/** Finds it; undefined: it isn't Debian's, isn't there, or this is not root. */
export async function findPostfix(): Promise<PostfixHere | undefined> {
  if (Deno.build.os !== "linux" || Deno.uid() !== 0) return undefined;
  for (const file of [CONTROL, SERVICES]) if (!await isThere(file)) return undefined;
  const user = /^postfix:[^:]*:(\d+):(\d+)/m.exec(await Deno.readTextFile("/etc/passwd"));
  if (!user) return undefined;
  const version = await run("postconf", "-dh", "mail_version");
  return { version: version.trim(), uid: Number(user[1]), gid: Number(user[2]) };
}

/** A running one. */
export class Postfix implements AsyncDisposable {
  #child: Deno.ChildProcess | undefined;
  #master = 0;
  #peak = 0;
  #sampler: ReturnType<typeof setInterval> | undefined;
  /** It is a session of its own: what ends this process by hand would leave it. */
  readonly #interrupted = () => {
    this.#terminate();
    Deno.exit(130);
  };

  private constructor(private readonly dir: string, readonly port: number) {
    Deno.addSignalListener("SIGINT", this.#interrupted);
    Deno.addSignalListener("SIGTERM", this.#interrupted);
  }

  /** Starts one, all it has in this folder, to which all users must get; `sink` is the port that `relay` delivers to. */
  static async start(
    here: PostfixHere,
    dir: string,
    { mode, sink }: { readonly mode: PostfixMode; readonly sink: number },
  ): Promise<Postfix> {
    for (const folder of ["etc", "queue", "data", "mail"]) {
      await Deno.mkdir(`${dir}/${folder}`, { recursive: true });
    }
    await Deno.chown(`${dir}/data`, here.uid, here.gid);
    await Deno.chown(`${dir}/mail`, NOBODY, NOBODY);
    const server = new Postfix(dir, getAvailablePort());
    await Deno.writeTextFile(`${dir}/etc/main.cf`, settings(dir, mode, sink));
    await Deno.writeTextFile(
      `${dir}/etc/master.cf`,
      services(await Deno.readTextFile(SERVICES), server.port),
    );
    await server.#start();
    return server;
  }

  /** Seconds of CPU so far, all processes that it ever had. */
  cpu(): number | undefined {
    return cpuOfFamily(this.#master);
  }

  /** The memory of all processes, shared pages by their share: MiB, the most of now and of what was seen since `watch`. */
  peak(): number {
    if (this.#master === 0) return this.#peak;
    const now = (sharedMemoryOf([this.#master, ...descendants(this.#master)]) ?? 0) / 1024;
    this.#peak = Math.max(this.#peak, now);
    return this.#peak;
  }

  /** Looks at its memory again and again from now on. */
  watch(): void {
    this.#sampler = setInterval(() => this.peak(), SAMPLE_MS);
  }

  /** How many messages are in the mailbox. */
  async delivered(): Promise<number> {
    const files = await Array.fromAsync(Deno.readDir(`${this.dir}/mail/box/new`)).catch((error) => {
      if (error instanceof Deno.errors.NotFound) return [];
      throw error;
    });
    return files.length;
  }

  /**
   * Ends the mode `defer`; what is kept waits for `flush`. It is started anew: after a reload the old queue manager
   * would take the order to flush, and be gone with it.
   */
  async deliver(): Promise<void> {
    await this.#stop();
    await run("postconf", "-c", `${this.dir}/etc`, "-e", "defer_transports=");
    await this.#start();
  }

  /** Tries all that is kept. */
  async flush(): Promise<void> {
    await run("postqueue", "-c", `${this.dir}/etc`, "-f");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#sampler);
    Deno.removeSignalListener("SIGINT", this.#interrupted);
    Deno.removeSignalListener("SIGTERM", this.#interrupted);
    await this.#stop();
  }

  async #start(): Promise<void> {
    this.#child = new Deno.Command(CONTROL, {
      args: ["-c", `${this.dir}/etc`, "start-fg"],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    for (let tries = 0; tries < TRIES; tries++) {
      await pause(PAUSE_MS);
      if (!await answers(this.port)) continue;
      this.#master = Number(await Deno.readTextFile(`${this.dir}/queue/pid/master.pid`));
      return;
    }
    this.#child.kill("SIGKILL");
    await this[Symbol.asyncDispose]();
    const log = await Deno.readTextFile(`${this.dir}/log`).catch(() => "");
    throw new Error(`Postfix did not start: ${log.slice(-500)}`);
  }

  /** Ends the master, which ends the others; they have the port for a little longer. */
  async #stop(): Promise<void> {
    this.#terminate();
    this.#master = 0;
    await this.#child?.status;
    for (let tries = 0; tries < TRIES && await answers(this.port); tries++) await pause(PAUSE_MS);
  }

  #terminate(): void {
    try {
      if (this.#master !== 0) Deno.kill(this.#master, "SIGTERM");
    } catch {
      // it has ended already
    }
  }
}

/** Postfix's defaults, but for what keeps it to this folder and this machine, and what the mode says. */
function settings(dir: string, mode: PostfixMode, sink: number): string {
  const all: Record<string, string | number> = {
    compatibility_level: "3.6",
    myhostname: "postfix.test",
    inet_interfaces: ADDRESS,
    inet_protocols: "ipv4",
    mynetworks: "127.0.0.0/8",
    queue_directory: `${dir}/queue`,
    data_directory: `${dir}/data`,
    maillog_file: `${dir}/log`,
    maillog_file_prefixes: dir,
    // nothing is for an account of this machine
    mydestination: "",
    alias_maps: "",
    alias_database: "",
    // big messages
    message_size_limit: 60_000_000,
    mailbox_size_limit: 0,
    virtual_mailbox_limit: 0,
    // one mailbox
    virtual_mailbox_domains: "local.test",
    virtual_mailbox_base: `${dir}/mail`,
    virtual_mailbox_maps: "static:box/",
    virtual_uid_maps: `static:${NOBODY}`,
    virtual_gid_maps: `static:${NOBODY}`,
    // all else goes to the sink, bounces too: nothing asks the DNS, nothing leaves this machine
    default_transport: `smtp:[${ADDRESS}]:${sink}`,
    relay_transport: `smtp:[${ADDRESS}]:${sink}`,
    ...(mode === "hold" && { smtpd_client_restrictions: "check_client_access static:HOLD" }),
    // what is kept is not due before it is flushed
    ...(mode === "defer" && { defer_transports: "smtp", minimal_backoff_time: "1h" }),
  };
  return Object.entries(all).map(([name, value]) => `${name} = ${value}\n`).join("");
}

/** The package's services: SMTP on our port, and none in a chroot, which would have to be filled. */
function services(dist: string, port: number): string {
  return dist.replace(/^smtp(?=\s+inet\s)/m, `${ADDRESS}:${port}`)
    .replace(/^(\S+\s+(?:inet|unix|unix-dgram|fifo|pass)\s+\S+\s+\S+\s+)[y-](?=\s)/gm, "$1n");
}

async function run(program: string, ...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(`/usr/sbin/${program}`, { args }).output();
  const decoder = new TextDecoder();
  if (!success) throw new Error(`${program} ${args.join(" ")}: ${decoder.decode(stderr)}`);
  return decoder.decode(stdout);
}

async function answers(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: ADDRESS, port })).close();
    return true;
  } catch {
    return false;
  }
}

function isThere(path: string): Promise<boolean> {
  return Deno.stat(path).then(() => true, () => false);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms));
}
