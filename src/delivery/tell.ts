/** In charge of how a delivery is told, line by line: VERB's `050` lines as sendmail's users know them, and traces. */

import type { Mailbox } from "../mail/envelope.ts";
import type { Outcome } from "../mail/outcome.ts";
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

/** What became of a recipient: `<carol@far.example>... Sent (Ok: queued as 4AB)`. */
export function lastWord(recipient: Mailbox, outcome: Outcome): string {
  const { code, status, text } = outcome;
  const said = code === undefined ? text : `${code} ${status} ${text}`;
  switch (outcome.kind) {
    case "delivered":
      return `<${recipient}>... Sent (${text})`;
    case "deferred":
      return `<${recipient}>... Deferred: ${said}`;
    case "failed":
      return `<${recipient}>... Failed: ${said}`;
  }
}
