/** A program in a terminal that nobody sits at: keys go in, the screen is read. */

import type { PostOffice } from "./post_office.ts";

/** Where the program is at home. */
type Home = Pick<PostOffice, "dir" | "run">;

const WIDTH = 100;
const HEIGHT = 30;

/** A tmux server of its own with one window. */
export class Terminal implements AsyncDisposable {
  private constructor(private readonly office: Home, private readonly socket: string) {}

  /** Starts a program in a new terminal. */
  static async start(office: Home, command: string): Promise<Terminal> {
    const terminal = new Terminal(office, `${office.dir}/tmux`);
    const size = ["-x", String(WIDTH), "-y", String(HEIGHT)];
    await terminal.#tmux("-f", "/dev/null", "new-session", "-d", ...size, command);
    return terminal;
  }

  /** What stands on the screen. */
  async screen(): Promise<string> {
    return await this.#tmux("capture-pane", "-p");
  }

  /** Presses keys, by tmux's names. */
  async press(...keys: string[]): Promise<void> {
    await this.#tmux("send-keys", ...keys);
  }

  /** Waits until the screen shows what is wanted, and answers it. */
  async shows(wanted: RegExp): Promise<string> {
    const deadline = performance.now() + 20_000;
    let screen = "";
    while (performance.now() < deadline) {
      screen = await this.screen();
      if (wanted.test(screen)) return screen;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`The screen never showed ${wanted}; at last it was:\n${screen}`);
  }

  /** Waits until the program has ended. */
  async ended(): Promise<void> {
    const deadline = performance.now() + 20_000;
    while (performance.now() < deadline) {
      const { code } = await this.office.run("tmux", ["-S", this.socket, "has-session"]);
      if (code !== 0) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`The program is still there:\n${await this.screen()}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.office.run("tmux", ["-S", this.socket, "kill-server"]);
  }

  async #tmux(...args: string[]): Promise<string> {
    const { code, out, err } = await this.office.run("tmux", ["-S", this.socket, ...args]);
    if (code !== 0) throw new Error(`tmux ${args[0]}: ${err}`);
    return out;
  }
}
