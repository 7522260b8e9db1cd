/** A foreign mail server that runs, for mindspring.com. */

import type { ForeignPlace, ForeignServer } from "./foreign_server.ts";
import { answers, end, removeTree, until } from "./programs.ts";

/** Its name. */
export const HOST = "mail.mindspring.com";
/** Its address. */
export const ADDRESS = "127.0.51.2";

/** A foreign server that runs. */
export class Foreign implements AsyncDisposable {
  private constructor(
    readonly dir: string,
    readonly child: Deno.ChildProcess,
    readonly stop: readonly string[] | undefined,
  ) {}

  static async start(
    server: ForeignServer,
    place: Partial<ForeignPlace> = {},
    before?: (dir: string) => Promise<void>,
  ) {
    const dir = await Deno.makeTempDir({ prefix: "dinopost_out_" });
    await Deno.chmod(dir, 0o755);
    await before?.(dir);
    const settings = Object.fromEntries(
      Object.entries(place.settings ?? {}).map(([key, value]) => [key, value.replaceAll("DIR", dir)]),
    );
    const at = { dir, address: ADDRESS, hostname: HOST, domain: "mindspring.com", ...place, settings };
    const commands = await server.prepare(at);
    const child = new Deno.Command("unshare", {
      args: ["--mount", "sh", "-c", 'exec "$@"', "sh", ...commands.start],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    await answers(ADDRESS, 25);
    return new Foreign(dir, child, commands.stop);
  }

  /** The certificate, for who trusts it. */
  certificate(): Promise<string> {
    return Deno.readTextFile(`${this.dir}/tls.crt`);
  }

  /** What jsmith got, an octet per character. */
  async letter(): Promise<string> {
    return await until("a letter", async () => {
      try {
        for await (const { name } of Deno.readDir(`${this.dir}/mail/jsmith/new`)) {
          return new TextDecoder("latin1").decode(await Deno.readFile(`${this.dir}/mail/jsmith/new/${name}`));
        }
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
      return undefined;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const [program, ...args] = this.stop ?? [];
    if (program) await new Deno.Command(program, { args, stdout: "null", stderr: "null" }).output();
    await end(this.child);
    await removeTree(this.dir);
  }
}
