/** An empty home: what is done in it finds no cache, no setting and no command of ours but what it gets itself. */

const ROOT = new URL("../../", import.meta.url).pathname;

/** How this machine reaches npm's registry: no user's setting. */
export const NETWORK = [
  "DENO_CERT",
  "DENO_TLS_CA_STORE",
  "NODE_EXTRA_CA_CERTS",
  "HTTPS_PROXY",
  "NPM_CONFIG_REGISTRY",
];

/** How a command ended. */
export interface Ended {
  code: number;
  out: string;
  err: string;
}

/** A directory for a user who has Deno and nothing else; goes away with it. */
export class Home implements AsyncDisposable {
  private constructor(readonly path: string, readonly commands: string) {}

  /** @param only All commands that there are; Deno and the system's unless given. */
  static async make(only?: readonly string[]): Promise<Home> {
    const path = await Deno.makeTempDir({ prefix: "dinopost-home-" });
    await Deno.mkdir(`${path}/bin`);
    for (const name of only ?? []) await Deno.symlink(await where(name), `${path}/bin/${name}`);
    if (only) return new Home(path, `${path}/bin`);
    await Deno.symlink(Deno.execPath(), `${path}/bin/deno`);
    return new Home(path, `${path}/.deno/bin:${path}/bin:/usr/local/bin:/usr/bin:/bin`);
  }

  /** Runs a line of the shell, in the checkout unless told otherwise. */
  async sh(line: string, cwd = ROOT): Promise<Ended> {
    const { code, stdout, stderr } = await new Deno.Command("sh", {
      args: ["-c", line],
      cwd,
      clearEnv: true,
      env: this.env(),
      signal: AbortSignal.timeout(180_000),
    }).output();
    const decoder = new TextDecoder();
    return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
  }

  /** The environment of a new user. */
  env(): Record<string, string> {
    return {
      HOME: this.path,
      PATH: this.commands,
      npm_config_prefix: `${this.path}/.npm-global`,
      NO_COLOR: "1",
      DENO_NO_UPDATE_CHECK: "1",
      ...Object.fromEntries(NETWORK.flatMap((name) => {
        const value = Deno.env.get(name);
        return value === undefined ? [] : [[name, value]];
      })),
    };
  }

  /** A directory of its own, with files. */
  async project(name: string, files: Record<string, string>): Promise<string> {
    const path = `${this.path}/${name}`;
    await Deno.mkdir(path);
    for (const [file, text] of Object.entries(files)) await Deno.writeTextFile(`${path}/${file}`, text);
    return path;
  }

  /** The packages of npm that were fetched, by their names. */
  async fetched(): Promise<string[]> {
    const names: string[] = [];
    for await (const { name } of Deno.readDir(`${this.path}/.cache/deno/npm/registry.npmjs.org`)) {
      names.push(name);
    }
    return names.sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}

/** Where a command is. */
async function where(command: string): Promise<string> {
  for (const dir of (Deno.env.get("PATH") ?? "").split(":")) {
    const path = await Deno.realPath(`${dir}/${command}`).catch(() => undefined);
    if (path !== undefined) return path;
  }
  throw new Error(`there is no ${command} on this machine`);
}

/** A block of code in README, or on another page: of a language, that holds a text. */
export async function shownBlock(language: string, holds: string, page = "README.md"): Promise<string> {
  const text = await Deno.readTextFile(ROOT + page);
  const blocks = [...text.matchAll(/^```(\w+)\n(.*?)^```$/gms)].filter((block) => block[1] === language);
  const block = blocks.find((one) => one[2]!.includes(holds))?.[2];
  if (block === undefined) throw new Error(`${page} shows no ${language} with "${holds}"`);
  return block;
}

/** Runs a server, waits until it says that it is ready, uses it, and ends it; answers what it said. */
export async function serveOnce(
  home: Home,
  { command, cwd, use = () => Promise.resolve() }: {
    command: string;
    cwd: string;
    use?: (said: string) => Promise<void>;
  },
): Promise<string> {
  const child = new Deno.Command("sh", {
    args: ["-c", `exec ${command}`],
    cwd,
    clearEnv: true,
    env: {
      ...home.env(),
      DINOPOST_LISTEN_SMTP: "127.0.0.1:0",
      DINOPOST_LISTEN_POP3: "127.0.0.1:0",
      DINOPOST_LISTEN_ADMIN: "127.0.0.1:0",
    },
    stdout: "null",
    stderr: "piped",
    detached: true, // a group of its own: npx does not pass a signal on
  }).spawn();
  let said = "", used: Promise<void> | undefined;
  for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
    said += text;
    if (!used && /^.* ready .*\n/m.test(said)) {
      used = use(said).finally(() => Deno.kill(-child.pid, "SIGTERM"));
    }
  }
  await used;
  const { code } = await child.status;
  return `${said}\nexit ${code}`;
}
