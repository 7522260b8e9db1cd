/** The first attempts for a message, as a session with VERB hears of them: in the words of sendmail. */

import type { Clock } from "../base/clock.ts";
import type { Watcher } from "../queue/worker.ts";
import type { DeliveryTarget } from "../recipients/expand.ts";

/** Watches the first attempts for one message. */
export class FirstAttempts implements Watcher {
  #open = 0;
  #allDone: (() => void) | undefined;
  #closed = false;

  /** `tell` takes lines; after `limitMs` the rest goes on in the queue. */
  constructor(
    private readonly say: (line: string) => void,
    private readonly options: { clock: Clock; verboseMs: number },
  ) {}

  begin(records: number): void {
    this.#open = records;
  }

  tell(line: string): void {
    if (!this.#closed) this.say(line);
  }

  done(): void {
    this.#open--;
    if (this.#open === 0) this.#allDone?.();
  }

  /** Tells what is known at once, then waits for the attempts, at most as long as allowed. */
  async ended(targets: readonly DeliveryTarget[]): Promise<void> {
    for (const d of targets) {
      if (d.recipient.address !== d.address) {
        this.tell(`<${d.recipient.address}>... aliased to <${d.address}>`);
      }
      if (d.kind === "mailbox") this.tell(`<${d.address}>... Sent (in the mailbox)`);
    }
    if (this.#open > 0) {
      await new Promise<void>((resolve) => {
        const timer = this.options.clock.schedule(this.options.verboseMs, () => {
          this.tell("Delivery takes long; it goes on in the queue");
          resolve();
        });
        this.#allDone = () => {
          timer.cancel();
          resolve();
        };
      });
    }
    this.#closed = true;
  }
}
