/**
 * The steps of Containerfile, in a bare root that debootstrap makes, and the commands that pages show for it: no engine
 * for containers is needed, and none works everywhere. What the image of Deno would give is the Deno that runs the test.
 */

import { assertEquals, assertMatch } from "@std/assert";
import { Home, NETWORK, shownBlock } from "../install/home.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

async function run(program: string, args: string[], env: Record<string, string> = {}): Promise<void> {
  const { code, stderr } = await new Deno.Command(program, { args, env, cwd: ROOT, stdout: "null" }).output();
  assertEquals(code, 0, `${program} ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
}

/** A root in which the steps are done one after the other. */
class Image {
  readonly env: Record<string, string> = { PATH: "/usr/local/bin:/usr/bin:/bin:/usr/sbin", NO_COLOR: "1" };
  user = "root";
  cwd = "/";
  entrypoint: string[] = [];
  command: string[] = [];

  constructor(readonly root: string) {}

  async step(name: string, rest: string): Promise<void> {
    const words = rest.split(" ");
    if (name === "FROM") await this.#begin(rest);
    else if (name === "COPY") await this.#copy(words);
    else if (name === "RUN") await run("unshare", this.within(["sh", "-c", rest]), this.env);
    else if (name === "ENV") this.env[rest.split("=")[0]!] = rest.split("=")[1]!;
    else if (name === "USER") this.user = rest;
    else if (name === "WORKDIR") await Deno.mkdir(this.root + (this.cwd = rest), { recursive: true });
    else if (name === "ENTRYPOINT") this.entrypoint = JSON.parse(rest);
    else if (name === "CMD") this.command = JSON.parse(rest);
    else if (name !== "VOLUME" && name !== "EXPOSE") throw new Error(`what is ${name}?`);
  }

  /** The arguments of `unshare` for a command in the root; what is mounted there goes away with it. */
  within(command: string[]): string[] {
    const inRoot = `cd ${this.cwd} && exec "$@"`;
    const chroot = `exec chroot --userspec=${this.user} ${this.root} sh -c '${inRoot}' sh "$@"`;
    return ["--mount", "sh", "-c", `mount -t proc proc ${this.root}/proc && ${chroot}`, "sh", ...command];
  }

  async #begin(image: string): Promise<void> {
    assertMatch(image, /debian:bookworm-slim$/);
    await run("debootstrap", ["--variant=minbase", "bookworm", this.root]);
    await Deno.copyFile("/etc/resolv.conf", `${this.root}/etc/resolv.conf`);
    for (const name of NETWORK) {
      const value = Deno.env.get(name);
      if (value === undefined) continue;
      this.env[name] = value;
      if (!value.startsWith("/")) continue;
      await Deno.mkdir(this.root + value.replace(/[^/]*$/, ""), { recursive: true });
      await Deno.copyFile(value, this.root + value);
    }
  }

  async #copy(words: string[]): Promise<void> {
    if (words[0]!.startsWith("--from=")) {
      assertMatch(words[0]!, new RegExp(`denoland/deno:bin-${Deno.version.deno.replaceAll(".", "\\.")}$`));
      return await Deno.copyFile(Deno.execPath(), this.root + words[2]!);
    }
    const to = `${this.root}${this.cwd}/${words.at(-1)}`;
    await Deno.mkdir(to, { recursive: true });
    for (const from of words.slice(0, -1)) {
      const isDirectory = (await Deno.stat(ROOT + from)).isDirectory;
      await run("cp", ["-r", isDirectory ? `${from}/.` : from, to]);
    }
  }
}

/** Runs the image's own command until it says that it is ready, and ends it; answers what it said. */
async function served(image: Image): Promise<string> {
  const child = new Deno.Command("unshare", {
    args: image.within([...image.entrypoint, ...image.command]),
    clearEnv: true,
    env: {
      ...image.env,
      DINOPOST_LISTEN_SMTP: "127.0.0.1:0",
      DINOPOST_LISTEN_POP3: "127.0.0.1:0",
      DINOPOST_LISTEN_ADMIN: "127.0.0.1:0",
    },
    stdout: "null",
    stderr: "piped",
  }).spawn();
  let said = "", isEnding = false;
  for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
    said += text;
    if (isEnding || !said.includes(" ready ")) continue;
    isEnding = true;
    child.kill("SIGTERM");
  }
  return `${said}\nexit ${(await child.status).code}`;
}

/** What other containers of its network do to the server that is called `mail`. */
const ASKS = `
ask() { curl -sS -o /dev/null -w '%{http_code} ' -H 'Host: mail:8025' "$@"; }
curl --retry 60 --retry-connrefused --retry-delay 1 -fsS -o /dev/null http://127.0.0.1:8025/readyz
ask -X POST http://127.0.0.1:8025/api/v1/inboxes
ask -X POST -H 'Authorization: Bearer test' http://127.0.0.1:8025/api/v1/inboxes
printf 'Subject: Hello\\r\\n\\r\\nHi\\r\\n' |
  curl -sS smtp://127.0.0.1:1025 --mail-from a@example.com --mail-rcpt jo@example.org --upload-file -
ask -H 'Authorization: Bearer test' 'http://127.0.0.1:8025/api/v1/wait?mailbox=jo@example.org&subject=hello'
`;

/** Runs `podman run` of a page as far as a root can, in a network of its own; answers what {@linkcode ASKS} prints. */
async function asked(image: Image, shown: string): Promise<string> {
  const words = shown.slice(shown.indexOf("podman run")).replaceAll("\\\n", " ").trim().split(/\s+/);
  const set = words.flatMap((word, i) => words[i - 1] === "-e" ? [word.split("=") as [string, string]] : []);
  const command = [...image.entrypoint, ...words.slice(words.indexOf("dinopost") + 1)];
  const server = ["unshare", ...image.within(command)].map((word) => `'${word.replaceAll("'", `'\\''`)}'`);
  const script = `ip link set lo up\n${server.join(" ")} >&2 &\n${ASKS}`;
  const { stdout, stderr } = await new Deno.Command("unshare", {
    args: ["--net", "--pid", "--fork", "--kill-child", "bash", "-c", script],
    clearEnv: true,
    env: { ...image.env, ...Object.fromEntries(set) },
    signal: AbortSignal.timeout(100_000),
  }).output();
  const decoder = new TextDecoder();
  return `${decoder.decode(stdout)}\n${decoder.decode(stderr)}`;
}

Deno.test("the steps of Containerfile make a root", { timeout: 300_000 }, async (t) => {
  await using home = await Home.make();
  const image = new Image(`${home.path}/root`);
  const lines = (await Deno.readTextFile(`${ROOT}Containerfile`)).split("\n");
  for (const line of lines.filter((one) => /^[A-Z]/.test(one))) {
    const [name, rest] = [line.split(" ")[0]!, line.replace(/^\S+ /, "")];
    await image.step(name, rest);
  }
  await t.step("in which the server runs", async () => {
    assertMatch(await served(image), / ready [^]*\nexit 0$/);
  });
  await t.step(
    "in which one that captures runs as shown, for who asks by its name and has its token",
    async () => {
      const said = await asked(image, await shownBlock("sh", "podman run", "docs/testing.md"));
      assertMatch(said, /^401 201 200 $/m);
    },
  );
});
