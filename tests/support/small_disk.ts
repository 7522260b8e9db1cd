/** A disk that is really full: a file system of some MiB in memory. */

/** A small disk, and what others have on it. */
export class SmallDisk implements AsyncDisposable {
  private constructor(readonly path: string) {}

  /** Only root may mount one on Linux; undefined elsewhere. */
  static async mount(mib: number): Promise<SmallDisk | undefined> {
    if (Deno.build.os !== "linux" || Deno.uid() !== 0) return undefined;
    const path = await Deno.makeTempDir({ prefix: "dinopost_disk_" });
    await run("mount", "-t", "tmpfs", "-o", `size=${mib}m`, "tmpfs", path);
    return new SmallDisk(path);
  }

  /** Gives it another size. */
  async resize(mib: number): Promise<void> {
    await run("mount", "-o", `remount,size=${mib}m`, this.path);
  }

  /** Another program fills it to the last page. */
  async fill(): Promise<void> {
    using file = await Deno.open(`${this.path}/others`, { append: true, create: true });
    const page = new Uint8Array(4096).fill(1);
    try {
      for (;;) await file.write(page);
    } catch (error) {
      if (!/No space left/.test(String(error))) throw error;
    }
  }

  /** The other program takes its files away. */
  async empty(): Promise<void> {
    await Deno.remove(`${this.path}/others`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await run("umount", this.path);
    await Deno.remove(this.path);
  }
}

async function run(command: string, ...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(command, { args }).output();
  if (!success) throw new Error(`${command}: ${new TextDecoder().decode(stderr)}`);
}
