/** The meaning of a query for messages: first by what envelope and header say, then by content, where it is known. */

import type { FoldedBlock } from "./folded_block.ts";
import { asTag, type Column } from "./folded_mail.ts";
import { type Asked, comparable, type MailQuery } from "./query.ts";

/** What is known of a message beside its texts. */
export interface MailFacts {
  /** What `before:` and `after:` look at: milliseconds since 1970. */
  readonly date: number;
  /** Octets. */
  readonly size: number;
  readonly seen: boolean;
  /** Did somebody flag it? Absent: no. */
  readonly flagged?: boolean;
  /** The name of the folder that it is in; absent: INBOX. */
  readonly folder?: string | undefined;
  /** Its tags; absent: those that it came with. */
  readonly tags?: readonly string[];
}

/** A message fits or not, or its content decides, which is not known. */
export const FITS_NOT = 0;
export const FITS = 1;
export const CONTENT_DECIDES = 2;

const ADDRESSED: readonly Column[] = ["from", "to", "cc", "bcc", "reply-to", "recipients", "hidden"];
/** Where a term looks: the reverse-path counts as From, recipients of the envelope as To, hidden ones as Bcc. */
const LOOKED_INTO: Readonly<
  Record<Exclude<Extract<Asked, { text: string }>["on"], "folder">, readonly Column[]>
> = {
  any: ["subject", ...ADDRESSED],
  from: ["from"],
  to: ["to", "recipients", "hidden"],
  cc: ["cc"],
  bcc: ["bcc", "hidden"],
  "reply-to": ["reply-to"],
  addressed: ADDRESSED,
  subject: ["subject"],
  "message-id": ["message-id"],
  tag: ["tags"],
};

/** For each row of a block whether it fits: one of the three above. A row without a message fits not. */
export function judge<T>(
  query: MailQuery,
  block: FoldedBlock<T>,
  factsOf: (item: T) => MailFacts,
): Uint8Array {
  const verdicts = new Uint8Array(block.size).fill(FITS);
  for (let row = 0; row < verdicts.length; row++) if (block.at(row) === undefined) verdicts[row] = FITS_NOT;
  for (const { not, asked } of query) {
    const answers = answersOf(asked, block, factsOf);
    for (let row = 0; row < verdicts.length; row++) {
      const answer = answers[row]!;
      if (answer === CONTENT_DECIDES) {
        if (verdicts[row] === FITS) verdicts[row] = CONTENT_DECIDES;
      } else if ((answer === FITS) === not) verdicts[row] = FITS_NOT;
    }
  }
  return verdicts;
}

function answersOf<T>(asked: Asked, block: FoldedBlock<T>, factsOf: (item: T) => MailFacts): Uint8Array {
  const answers = new Uint8Array(block.size);
  switch (asked.on) {
    case "has":
      for (let row = 0; row < answers.length; row++) {
        const has = block.has(row, asked.what);
        answers[row] = has === undefined ? CONTENT_DECIDES : Number(has);
      }
      return answers;
    case "is":
    case "folder":
    case "before":
    case "after":
    case "larger":
    case "smaller":
      if (asked.on === "is" && asked.what === "tagged") return markTags(answers, block, { factsOf });
      return eachFact(answers, block, (item) => isSo(asked, factsOf(item)));
    case "tag":
      return markTags(answers, block, { factsOf, tag: asked.text });
    default:
      block.mark(answers, LOOKED_INTO[asked.on], asked.text);
      if (asked.on === "any") block.markText(answers, asked.text);
      return answers;
  }
}

function isSo(asked: Asked, facts: MailFacts): boolean {
  const { date, size, seen, flagged = false, folder = "INBOX" } = facts;
  switch (asked.on) {
    case "is":
      return asked.what === "flagged" ? flagged : seen === (asked.what === "read");
    case "folder":
      return (asked.exact ? folder : comparable(folder)) === asked.text;
    case "before":
      return date < asked.at;
    case "after":
      return date >= asked.at;
    case "larger":
      return size > asked.octets;
    case "smaller":
      return size < asked.octets;
    default:
      throw new Error(`${asked.on}: is no fact of a message`);
  }
}

/** Whether a message has a tag, or any. */
function markTags<T>(
  answers: Uint8Array,
  block: FoldedBlock<T>,
  { factsOf, tag }: { factsOf: (item: T) => MailFacts; tag?: string },
): Uint8Array {
  block.mark(answers, LOOKED_INTO.tag, asTag(tag));
  for (let row = 0; row < answers.length; row++) {
    const item = block.at(row);
    const tags = item === undefined ? undefined : factsOf(item).tags;
    if (!tags) continue;
    answers[row] = Number(tag === undefined ? tags.length > 0 : tags.some((one) => comparable(one) === tag));
  }
  return answers;
}

function eachFact<T>(answers: Uint8Array, block: FoldedBlock<T>, isSo: (item: T) => boolean): Uint8Array {
  for (let row = 0; row < answers.length; row++) {
    const item = block.at(row);
    if (item !== undefined) answers[row] = Number(isSo(item));
  }
  return answers;
}
