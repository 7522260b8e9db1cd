/**
 * The steps of Containerfile, in a bare root that debootstrap makes: no engine for containers is needed, and none works
 * everywhere. What the image of Deno would give is the Deno that runs the test.
 */

import { assertEquals, assertMatch } from "@std/assert";
import { Home, NETWORK } from "../install/home.ts";

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
    else if (name === "ENTRYPOINT" || name === "CMD") this.command.push(...JSON.parse(rest));
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

Deno.test(
  "the steps of Containerfile make a root in which the server runs",
  { timeout: 300_000 },
  async () => {
    await using home = await Home.make();
    const image = new Image(`${home.path}/root`);
    const lines = (await Deno.readTextFile(`${ROOT}Containerfile`)).split("\n");
    for (const line of lines.filter((one) => /^[A-Z]/.test(one))) {
      const [name, rest] = [line.split(" ")[0]!, line.replace(/^\S+ /, "")];
      await image.step(name, rest);
    }
    const child = new Deno.Command("unshare", {
      args: image.within(image.command),
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
    assertMatch(`${said}\nexit ${(await child.status).code}`, / ready [^]*\nexit 0$/);
  },
);
