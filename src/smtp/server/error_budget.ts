/** The budget of one session for errors and for commands that move no mail; a message that is accepted refills it. */

import type { Clock } from "../../base/clock.ts";
import type { SmtpLimits } from "./session_options.ts";

/** Replies to misplaced commands that are not held against a client whose MAIL or RCPTs were just refused. */
const MAX_FORGIVEN = 10_000;
/** NOOP, RSET and their like between two messages. */
const MAX_JUNK = 100;
/** The first burst of commands: this many seconds' worth, and one for each recipient that a message may have. */
const BURST_SECONDS = 10;
/** How long a session pauses when its credit for commands is used up. */
const PAUSE_MS = 1_000;

/** Counts what a client does wrong or in vain. Methods that add answer true when it was too much. */
export class ErrorBudget {
  readonly #clock: Clock;
  readonly #limits: SmtpLimits;
  readonly #burst: number;
  #errors = 0;
  #refusals = 0;
  #forgiven = 0;
  #junk = 0;
  /** How many commands may come before the client is slowed down. */
  #credit: number;
  #creditedAt: number;

  constructor(clock: Clock, limits: SmtpLimits) {
    this.#clock = clock;
    this.#limits = limits;
    this.#burst = this.#credit = BURST_SECONDS * this.#perSecond + limits.recipients;
    this.#creditedAt = clock.monotonic();
  }

  /** How many errors were counted. */
  get errors(): number {
    return this.#errors + this.#refusals;
  }

  /** An error of the client: it counts to the end of the session. */
  addError(): boolean {
    this.#errors++;
    return this.errors > this.#limits.errorsPerSession;
  }

  /** A sender, a recipient or a message was refused. */
  addRefusal(): boolean {
    this.#refusals++;
    return this.errors > this.#limits.errorsPerSession;
  }

  /** A command came before the client could know that it would be in vain. */
  addForgiven(): boolean {
    return ++this.#forgiven > MAX_FORGIVEN;
  }

  /** A command that moves no mail. */
  addJunk(): boolean {
    return ++this.#junk > MAX_JUNK;
  }

  /** A command was answered: how long to wait before the next one is read, in ms; 0: no time at all. */
  pause(): number {
    // Asking what time it is costs more than the rest: only when the credit is used up.
    if (--this.#credit > 0) return 0;
    const now = this.#clock.monotonic();
    this.#credit = Math.min(this.#burst, this.#credit + (now - this.#creditedAt) * this.#perSecond / 1000);
    this.#creditedAt = now;
    return this.#credit > 0 ? 0 : PAUSE_MS;
  }

  /** A message was accepted: its commands and refusals were worth their while. */
  refill(): void {
    this.#junk = this.#refusals = this.#forgiven = 0;
    this.#credit = this.#burst;
  }

  get #perSecond(): number {
    return this.#limits.commandsPerSecond ?? Infinity;
  }
}
