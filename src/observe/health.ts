/** The health of the server: what is wrong now, each problem under a code, since when, and in words for the operator. */

import type { Clock } from "../base/clock.ts";
import type { Journal } from "./journal.ts";

/** Something that is wrong. */
export interface HealthProblem {
  /** A word for programs: `disk`. */
  readonly code: string;
  /** A sentence for people. */
  readonly text: string;
  /** When it began: milliseconds since 1970. */
  readonly since: number;
}

/** The problems there are now. The journal hears when the list of codes changes. */
export class Health {
  readonly #problems = new Map<string, HealthProblem>();
  readonly #lookers: (() => void)[] = [];
  #looking = false;

  /** All is well. */
  constructor(private readonly options: { journal: Journal; clock: Clock }) {}

  /** What is wrong, in the order of the beginnings. */
  get problems(): readonly HealthProblem[] {
    if (!this.#looking) {
      this.#looking = true; // who looks may raise, and who hears of that may ask
      try {
        for (const look of this.#lookers) look();
      } finally {
        this.#looking = false;
      }
    }
    return [...this.#problems.values()];
  }

  /** Calls `look` before anybody is told what is wrong, so that what is told is true at that moment. */
  beforeTold(look: () => void): void {
    this.#lookers.push(look);
  }

  /** Raises a problem with that text, or clears it where there is none; the log hears of the change. */
  set(code: string, text: string | undefined): void {
    const was = this.#problems.has(code);
    if (text === undefined) this.clear(code);
    else this.raise(code, text);
    if (was === (text !== undefined)) return;
    const { journal } = this.options;
    if (text === undefined) journal.note("INFO", "problem is over", { code });
    else journal.note("WARN", "problem", { code, text });
  }

  /** That is wrong now, or still: the text may change, the beginning stays. */
  raise(code: string, text: string): void {
    const known = this.#problems.get(code);
    this.#problems.set(code, { code, text, since: known?.since ?? this.options.clock.now() });
    if (!known) this.#emit();
  }

  /** That is wrong no more. */
  clear(code: string): void {
    if (this.#problems.delete(code)) this.#emit();
  }

  #emit(): void {
    this.options.journal.emit({ type: "health", ...healthView(this) });
  }
}

/** The answer for programs. */
export interface HealthView {
  readonly status: "ok" | "degraded";
  readonly problems: readonly { readonly code: string; readonly text: string; readonly since: string }[];
}

/** The health as `GET /healthz?verbose` answers it. */
export function healthView(health: { readonly problems: readonly HealthProblem[] }): HealthView {
  const problems = health.problems.map((p) => ({ ...p, since: new Date(p.since).toISOString() }));
  return { status: problems.length === 0 ? "ok" : "degraded", problems };
}
