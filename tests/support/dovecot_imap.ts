/** Debian's Dovecot with IMAP on loopback, from a configuration of its own, over mdbox; it can be killed and started anew. */

import { getAvailablePort } from "@std/net";
import { descendants } from "./processes.ts";

const BINARY = "/usr/sbin/dovecot";
const ADDRESS = "127.0.0.1";
const START_TRIES = 200;
/** Without it there is nothing that speaks IMAP. */
const IMAP = "/usr/lib/dovecot/imap";

/** Whether a Dovecot with IMAP can be run here. */
export function dovecotIsHere(): boolean {
  return Deno.build.os === "linux" && Deno.uid() === 0 && [BINARY, IMAP].every((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  });
}

/** A running Dovecot; it starts as root only. */
export class DovecotImap implements AsyncDisposable {
  readonly make = "Dovecot";
  readonly hostname = ADDRESS;
  #child: Deno.ChildProcess | undefined;

  private constructor(readonly dir: string, readonly port: number, readonly tlsPort: number) {}

  /** Starts one for these users, all with this password; `tls`: paths of a certificate and its key. */
  static async start(
    users: readonly string[],
    password: string,
    tls?: { readonly certificate: string; readonly key: string },
  ): Promise<DovecotImap> {
    // its processes are of several users, and each must get there
    const dir = await Deno.makeTempDir({ prefix: "dinopost-dovecot-imap-" });
    await Deno.chmod(dir, 0o755);
    await Deno.mkdir(`${dir}/mail`);
    const { uid, gid } = await owner();
    await Deno.chown(`${dir}/mail`, uid, gid);
    await Deno.writeTextFile(
      `${dir}/users`,
      users.map((user) => `${user}:{PLAIN.b64}${btoa(password)}\n`).join(""),
    );
    const port = getAvailablePort();
    const tlsPort = tls ? getAvailablePort() : 0;
    const ssl = tls ? `ssl = yes\nssl_cert = <${tls.certificate}\nssl_key = <${tls.key}` : "ssl = no";
    await Deno.writeTextFile(`${dir}/dovecot.conf`, configuration(dir, { port, tlsPort, uid, gid }, ssl));
    const dovecot = new DovecotImap(dir, port, tlsPort);
    await dovecot.restart();
    return dovecot;
  }

  /** Starts it again. */
  async restart(): Promise<void> {
    this.#child = new Deno.Command(BINARY, {
      args: ["-F", "-c", `${this.dir}/dovecot.conf`],
      stdout: "null",
      stderr: "null",
    }).spawn();
    for (let tries = 0; tries < START_TRIES; tries++) {
      if (await this.#answers()) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const log = await Deno.readTextFile(`${this.dir}/log`).catch(() => "");
    await this[Symbol.asyncDispose]();
    throw new Error(`Dovecot did not start: ${log}`);
  }

  /** Kills all its processes at once, as a power cut would. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (!child) return;
    for (const pid of [child.pid, ...this.processes()]) signal(pid, "SIGKILL");
    await child.status;
    this.#child = undefined;
  }

  /** Ends it as an operator would. */
  async stop(): Promise<void> {
    if (!this.#child) return;
    signal(this.#child.pid, "SIGTERM");
    await this.#child.status;
    this.#child = undefined;
  }

  /** The processes that it has started, whatever they do. */
  processes(): number[] {
    return this.#child ? descendants(this.#child.pid) : [];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await Deno.remove(this.dir, { recursive: true });
  }

  async #answers(): Promise<boolean> {
    try {
      (await Deno.connect({ hostname: ADDRESS, port: this.port })).close();
      return true;
    } catch {
      return false;
    }
  }
}

interface Numbers {
  readonly port: number;
  readonly tlsPort: number;
  readonly uid: number;
  readonly gid: number;
}

function configuration(dir: string, { port, tlsPort, uid, gid }: Numbers, ssl: string): string {
  return `
base_dir = ${dir}/run
state_dir = ${dir}/state
log_path = ${dir}/log
protocols = imap
listen = ${ADDRESS}
${ssl}
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_failure_delay = 0
auth_cache_size = 10M
auth_cache_ttl = 1 hour
mail_location = mdbox:${dir}/mail/%u
mail_fsync = optimized
first_valid_uid = 1
mail_max_userip_connections = 5000
namespace inbox {
  inbox = yes
  separator = /
}
service imap-login {
  inet_listener imap {
    port = ${port}
  }
  inet_listener imaps {
    port = ${tlsPort}
  }
  # as its documentation advises for many logins
  service_count = 0
  process_min_avail = 2
  client_limit = 4000
}
service imap {
  process_limit = 4096
  # for many short sessions: a process serves one after the other
  service_count = 200
  process_min_avail = 4
}
service anvil {
  client_limit = 20000
  # wrong passwords make nobody wait
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service auth {
  client_limit = 20000
}
service stats {
  client_limit = 20000
}
passdb {
  driver = passwd-file
  args = ${dir}/users
}
userdb {
  driver = static
  args = uid=${uid} gid=${gid} home=${dir}/mail/%u
}
`;
}

/** Whose the mail is: the user `mail`. */
async function owner(): Promise<{ uid: number; gid: number }> {
  const line = (await Deno.readTextFile("/etc/passwd")).split("\n").find((one) => one.startsWith("mail:"))!;
  const [, , uid, gid] = line.split(":");
  return { uid: Number(uid), gid: Number(gid) };
}

function signal(pid: number, name: Deno.Signal): void {
  try {
    Deno.kill(pid, name);
  } catch {
    // it has ended
  }
}
