/** Bare Deno with KV commit groups (`ceiling.ts`) in a process of its own. */

/** A running one. */
export class Bare implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;

  private constructor(child: Deno.ChildProcess, readonly port: number) {
    this.#child = child;
  }

  /** Starts one, its store in this folder. */
  static async start(dir: string): Promise<Bare> {
    await Deno.mkdir(dir, { recursive: true });
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", new URL("./ceiling.ts", import.meta.url).pathname, "--dir", dir],
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    let said = "";
    while (!said.includes("\n")) {
      const { value, done } = await reader.read();
      if (done) throw new Error("The bare server did not start");
      said += value;
    }
    await reader.cancel();
    return new Bare(child, Number(said));
  }

  /** Its number in the system. */
  get pid(): number {
    return this.#child.pid;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.status;
  }
}
