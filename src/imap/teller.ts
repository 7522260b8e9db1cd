/** The telling of what is new to a client that waits: in IDLE, and where NOTIFY asked for it. */

import type { FolderChange } from "../mailbox/folders.ts";
import type { LineConn } from "../wire/line_conn.ts";
import { isConnectionError } from "../wire/peer.ts";
import { CutLiteral } from "./fetch_target.ts";
import type { CommandOf } from "./message_commands.ts";
import { Notifier } from "./notify.ts";
import type { SessionState } from "./session_state.ts";

/** Tells one session's client. */
export class Teller {
  readonly notifier: Notifier;
  readonly #state: SessionState;
  readonly #lines: LineConn;
  readonly #mayTell: () => boolean;
  /** The IDLE that goes on. */
  idle: CommandOf<"IDLE"> | undefined;
  /** It is being told: nothing else may be put before that is over. */
  telling: Promise<void> | undefined;

  /** `mayTell`: the client waits, so that nothing stands between an answer's lines. */
  constructor(state: SessionState, by: { lines: LineConn; mayTell: () => boolean }) {
    this.#state = state;
    this.#lines = by.lines;
    this.#mayTell = by.mayTell;
    this.notifier = new Notifier(state);
  }

  /** Hears of a change, and tells it when the client waits for it. */
  hear(change: FolderChange): void {
    const heard = this.#state.selected?.hear(change, this.#state) ?? false;
    if (this.notifier.hear(change) || heard) this.tell();
  }

  /** Tells what is new, one round after the other. */
  tell(): void {
    if (this.telling || !this.#mayTell() || !this.#hasNews) return;
    // what happens in one turn is told together
    this.telling = Promise.resolve().then(() => this.#rounds())
      // who reads hears that the connection broke
      .catch((error) => {
        if (!isConnectionError(error)) this.#state.options.onEvent?.({ kind: "error", error });
        // what was promised can't be sent, and nothing else may stand in its place
        if (error instanceof CutLiteral) this.#lines.close();
      })
      .finally(() => this.telling = undefined);
  }

  get #hasNews(): boolean {
    if (this.notifier.hasNews) return true;
    const options = this.notifier.pushOptions(this.idle !== undefined);
    return options !== undefined && (this.#state.selected?.hasNews(options) ?? false);
  }

  /** A client that does not read is told nothing more before it does. */
  async #rounds(): Promise<void> {
    while (this.#mayTell() && this.#hasNews) {
      await this.notifier.tell(this.idle !== undefined);
      await this.#lines.flush();
      if (this.#mayTell()) this.#state.out.stillExpectClient();
    }
  }
}
