/** The first attempts for a message, as a session with VERB hears of them: in the words of sendmail. */

import { onAbort } from "../base/abort.ts";
import type { Clock } from "../base/clock.ts";
import { verbLine } from "../delivery/transcript.ts";
import type { TranscriptEvent, Transcripts } from "../observe/transcripts.ts";
import type { DeliveryTarget } from "../recipients/expand.ts";

/** What {@linkcode FirstAttempts} work with. */
export interface FirstAttemptsOptions {
  readonly transcripts: Transcripts;
  readonly clock: Clock;
  /** After so long the rest goes on in the queue: milliseconds. */
  readonly verboseMs: number;
}

/** Follows the first attempts for one message, from before it is accepted until {@linkcode ended} or disposed of. */
export class FirstAttempts implements Disposable {
  readonly #say: (line: string) => void;
  readonly #options: FirstAttemptsOptions;
  readonly #subscription: Disposable;
  /** The records under way. */
  readonly #parts = new Set<number>();
  #allDone: (() => void) | undefined;

  /** `say` takes lines. */
  constructor(id: string, say: (line: string) => void, options: FirstAttemptsOptions) {
    this.#say = say;
    this.#options = options;
    this.#subscription = options.transcripts.subscribe(id, (event) => this.#hear(event));
  }

  #hear(event: TranscriptEvent): void {
    if (event.kind === "attempts") { for (const part of event.parts) this.#parts.add(part); }
    if (event.kind === "attempted" && this.#parts.delete(event.part) && this.#parts.size === 0) {
      this.#allDone?.();
    }
    const line = verbLine(event);
    if (line !== undefined) this.#say(line);
  }

  /** Says what is known at once, then waits for the attempts, at most as long as allowed, or until `ending` is aborted. */
  async ended(targets: readonly DeliveryTarget[], ending?: AbortSignal): Promise<void> {
    for (const d of targets) {
      if (d.recipient.address !== d.address) {
        this.#say(`<${d.recipient.address}>... aliased to <${d.address}>`);
      }
      if (d.kind === "mailbox") this.#say(`<${d.address}>... Sent (in the mailbox)`);
    }
    if (this.#parts.size > 0) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const leave = () => {
        this.#say("Delivery takes long; it goes on in the queue");
        resolve();
      };
      this.#allDone = resolve;
      const timer = this.#options.clock.schedule(this.#options.verboseMs, leave);
      const ignore = ending && onAbort(ending, leave);
      if (ending?.aborted) leave();
      await promise;
      timer.cancel();
      ignore?.();
    }
    this[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    this.#subscription[Symbol.dispose]();
  }
}
