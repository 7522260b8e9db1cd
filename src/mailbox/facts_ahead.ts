/** The facts of new messages, made before anybody asks for them: quietly, while a session has the mailbox open. */

import { eventTurn, type Timer } from "../base/clock.ts";
import type { FolderFacts } from "./folder_facts.ts";
import type { StoredFolders } from "./stored_folders.ts";

/** When nothing has come for so long, milliseconds: who brings much has no use for it yet, and wants it brought soon. */
const QUIET_MS = 300;
/** So many messages at a time; then others have their turn. */
const AT_ONCE = 128;

/** Makes the facts of one mailbox's new messages. */
export class FactsAhead {
  readonly #folders: StoredFolders;
  readonly #facts: FolderFacts;
  /** The number of the first object that is new. */
  #next: number;
  #isActive = false;
  #isWorking = false;
  #timer: Timer | undefined;

  /** What is there already is made when it is asked for. */
  constructor(folders: StoredFolders, facts: FolderFacts) {
    this.#folders = folders;
    this.#facts = facts;
    this.#next = folders.state.head.nextObject;
  }

  /** A session has the mailbox open. */
  begin(): void {
    this.#isActive = true;
    this.#facts.gather(true);
    this.wake();
  }

  /** No session has it open any more. */
  rest(): void {
    this.#isActive = false;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** Messages may have come. */
  wake(): void {
    if (!this.#isActive || !this.#hasMore) return;
    this.#timer?.cancel();
    this.#timer = this.#folders.source.clock.schedule(QUIET_MS, () => {
      this.#timer = undefined;
      this.#work();
    });
  }

  get #hasMore(): boolean {
    return this.#next < this.#folders.state.head.nextObject;
  }

  /** Goes on until all is made, or more comes. */
  async #work(): Promise<void> {
    if (this.#isWorking) return this.wake();
    this.#isWorking = true;
    this.#facts.flush();
    try {
      while (this.#isActive && !this.#timer && this.#hasMore) {
        const count = Math.min(AT_ONCE, this.#folders.state.head.nextObject - this.#next);
        const objects = Array.from({ length: count }, (_, i) => this.#next + i);
        this.#next += count;
        await this.#facts.make(objects);
        // a turn that nothing follows would outlast who is done
        if (this.#hasMore) await eventTurn(true);
      }
    } catch {
      // who asks for them hears of what is wrong
    } finally {
      this.#isWorking = false;
    }
  }
}
