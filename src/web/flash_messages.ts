/** The flash messages: said once after an action, on the page that follows, with its undoing where there is one. */

import type { Random } from "../base/random.ts";

/** A form that takes an action back. */
export interface Undo {
  readonly label: string;
  readonly action: string;
  readonly fields: readonly (readonly [name: string, value: string])[];
}

/** What is said. */
export interface FlashMessage {
  readonly kind: "done" | "error";
  readonly text: string;
  readonly undo?: Undo | undefined;
}

const MAX_KEPT = 100;

/** Notices that wait for the page that shows them. */
export class FlashMessages {
  readonly #random: Random;
  readonly #kept = new Map<string, FlashMessage>();

  constructor(random: Random) {
    this.#random = random;
  }

  /** Keeps a notice; answers the name under which {@linkcode take} gives it out. */
  put(flashMessage: FlashMessage): string {
    if (this.#kept.size >= MAX_KEPT) this.#kept.delete(this.#kept.keys().next().value!);
    const name = this.#random.bytes(8).toHex();
    this.#kept.set(name, flashMessage);
    return name;
  }

  /** Gives a notice out, once. */
  take(name: string | undefined): FlashMessage | undefined {
    if (name === undefined) return undefined;
    const flashMessage = this.#kept.get(name);
    this.#kept.delete(name);
    return flashMessage;
  }
}
