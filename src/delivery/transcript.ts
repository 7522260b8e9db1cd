/** In charge of how a delivery is told, line by line: VERB's `050` lines as sendmail's users know them, and traces. */

import type { Mailbox } from "../mail/envelope.ts";
import { localReason, type Outcome } from "../mail/outcome.ts";
import type { DeliveryJob } from "./delivery.ts";

/** Takes the client's lines (`> MAIL …`, `< 250 …`) to who listens; undefined when nobody does. */
export function listenerOf(
  job: DeliveryJob,
  trace: ((line: string) => void) | undefined,
): ((line: string) => void) | undefined {
  const { tell } = job;
  if (!tell) return trace;
  return (line) => {
    trace?.(line);
    tell(line.startsWith("> ") ? `>>> ${line.slice(2)}` : line.slice(2));
  };
}

/** Names a host in front of what was said there: `* mx1.far.example [192.0.2.1]: Can't connect: refused`. */
export function hostLine({ host, address }: { host: string; address: string }, text: string): string {
  return `${HOST}${host} [${address}]: ${text}`;
}

const HOST = "* ";

/** The protocol lines of one attempt that are kept; of a long one the hosts are, and what is in between is left out. */
export class Dialogue {
  readonly #first: string[] = [];
  readonly #hosts: string[] = [];
  readonly #last: string[] = [];
  #left = 0;

  /** Takes a line. */
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
