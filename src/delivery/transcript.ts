/** The words of a transcript: as VERB's `050` lines, which sendmail's users know, as trace, and as it is kept. */

import type { Mailbox } from "../mail/envelope.ts";
import { localReason, type Outcome } from "../mail/outcome.ts";
import type { TranscriptEvent, TranscriptListener } from "../observe/transcripts.ts";

/** The line of an event for VERB; undefined: VERB doesn't speak of it. */
export function verbLine(event: TranscriptEvent): string | undefined {
  if (event.kind === "step") return event.text;
  if (event.kind !== "line") return undefined;
  return event.line.startsWith("> ") ? `>>> ${event.line.slice(2)}` : event.line.slice(2);
}

/**
 * The line of an event in a trace; undefined: it has none. Hosts are named in front of what was said there:
 * `* mx1.far.example [192.0.2.1]: Can't connect: refused`.
 */
export function traceLine(event: TranscriptEvent): string | undefined {
  if (event.kind === "line") return event.line;
  if (event.kind === "host") return `${HOST}${event.host} [${event.address}]: ${event.text}`;
  return undefined;
}

const HOST = "* ";

/** A listener that writes the events as lines. */
export function linesTo(
  take: (line: string, id: string) => void,
  lineOf: (event: TranscriptEvent) => string | undefined,
): TranscriptListener {
  return (event, id) => {
    const line = lineOf(event);
    if (line !== undefined) take(line, id);
  };
}

/** The protocol lines of one attempt that are kept; of a long one the hosts are, and what is in between is left out. */
export class Dialogue {
  readonly #first: string[] = [];
  readonly #hosts: string[] = [];
  readonly #last: string[] = [];
  #left = 0;

  /** Takes a line of the trace. */
  add(line: string): void {
    const text = line.length > MAX_LINE ? `${line.slice(0, MAX_LINE - 3)}...` : line;
    if (this.#first.length < HALF) this.#first.push(text);
    else if (this.#last.push(text) > HALF) {
      const out = this.#last.shift()!;
      if (out.startsWith(HOST) && this.#hosts.length < MAX_HOSTS) this.#hosts.push(out);
      else this.#left++;
    }
  }

  /** What is kept. */
  get lines(): string[] {
    const left = this.#left === 0 ? [] : [`(${this.#left} lines)`];
    return [...this.#first, ...left, ...this.#hosts, ...this.#last];
  }
}

const MAX_LINE = 200;
const HALF = 20;
const MAX_HOSTS = 10;

/** What became of a recipient: `<carol@far.example>... Sent (Ok: queued as 4AB)`. */
export function summaryLine(recipient: Mailbox, outcome: Outcome): string {
  const { code, status, text } = outcome;
  const words = localReason(outcome);
  const said = code === undefined ? words : `${code} ${status} ${words}`;
  switch (outcome.kind) {
    case "delivered":
      return `<${recipient}>... Sent (${text})`;
    case "deferred":
      return `<${recipient}>... Deferred: ${said}`;
    case "failed":
      return `<${recipient}>... Failed: ${said}`;
  }
}
