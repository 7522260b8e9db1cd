/** A Dovecot beside the server, where it is installed: POP3 on loopback with its authentication cache. */

const ADDRESS = "127.0.0.1";
const START_TRIES = 100;

/** A running Dovecot; it starts as root only. */
export class Dovecot implements AsyncDisposable {
  private constructor(
    private readonly child: Deno.ChildProcess,
    private readonly dir: string,
    readonly port: number,
  ) {}

  /** Starts one with these users; undefined where there is none, or where it may not be started. */
  static async start(users: readonly string[], password: string): Promise<Dovecot | undefined> {
    const binary = "/usr/sbin/dovecot";
    if (Deno.build.os !== "linux" || Deno.uid() !== 0 || !await exists(binary)) return undefined;
    const port = freePort();
    // its processes are of several users, and each must get there
    const dir = await Deno.makeTempDir({ prefix: "dinopost-dovecot-" });
    await Deno.mkdir(`${dir}/mail`, { recursive: true });
    await Deno.chmod(dir, 0o755);
    const { uid, gid } = await owner();
    await Deno.chown(`${dir}/mail`, uid, gid);
    // what it costs to verify shows at the first login of each user only: the cache is what is measured
    const hash = await hashOf(password);
    await Deno.writeTextFile(`${dir}/users`, users.map((user) => `${user}:${hash}\n`).join(""));
    await Deno.writeTextFile(`${dir}/dovecot.conf`, configuration(dir, { port, uid, gid }));
    const child = new Deno.Command(binary, {
      args: ["-F", "-c", `${dir}/dovecot.conf`],
      stdout: "null",
      stderr: "null",
    }).spawn();
    const dovecot = new Dovecot(child, dir, port);
    for (let tries = 0; tries < START_TRIES; tries++) {
      try {
        (await Deno.connect({ hostname: ADDRESS, port })).close();
        return dovecot;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
    await dovecot[Symbol.asyncDispose]();
    throw new Error("Dovecot did not start");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.child.kill("SIGTERM");
    } catch {
      // it has ended already
    }
    await this.child.status;
    await Deno.remove(this.dir, { recursive: true });
  }
}

function configuration(dir: string, { port, uid, gid }: { port: number; uid: number; gid: number }): string {
  return `
base_dir = ${dir}/run
state_dir = ${dir}/state
log_path = ${dir}/dovecot.log
protocols = pop3
listen = ${ADDRESS}
ssl = no
disable_plaintext_auth = no
mail_location = maildir:${dir}/mail/%u
first_valid_uid = 1
auth_cache_size = 10M
auth_cache_ttl = 1 hour
mail_max_userip_connections = 1000
service pop3-login {
  inet_listener pop3 {
    port = ${port}
  }
  inet_listener pop3s {
    port = 0
  }
  # as its documentation advises for many logins
  service_count = 0
  process_min_avail = 2
  client_limit = 1000
}
service pop3 {
  service_count = 1000
  process_min_avail = 20
  process_limit = 1024
}
service anvil {
  client_limit = 4000
}
service auth {
  client_limit = 4000
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

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

/** Whose the mail is: the user `mail`. */
async function owner(): Promise<{ uid: number; gid: number }> {
  const line = (await Deno.readTextFile("/etc/passwd")).split("\n").find((one) => one.startsWith("mail:"))!;
  const [, , uid, gid] = line.split(":");
  return { uid: Number(uid), gid: Number(gid) };
}

async function hashOf(password: string): Promise<string> {
  const { stdout } = await new Deno.Command("/usr/bin/doveadm", {
    args: ["-O", "pw", "-s", "SHA512-CRYPT", "-p", password],
  }).output();
  return new TextDecoder().decode(stdout).trim();
}

function freePort(): number {
  const listener = Deno.listen({ hostname: ADDRESS, port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  return port;
}
