/** Signed content as it is sent: in the form that was signed, behind its signatures. */

import { concat, encode } from "../base/bytes.ts";
import { type ContentSource, convert } from "../mail/conversion.ts";

/** How content is sent, where that is not as it is kept: eight bits made seven, or long lines folded. */
export type SentForm = "7bit" | "folded";

/** What is known of a message that was signed, and kept with it. */
export interface Signed {
  /** The fields that are put before the content. */
  readonly prefix: string;
  /** Absent: it is sent as it is kept. */
  readonly form?: SentForm;
}

/** Content, and how many octets it has. */
export interface SizedContent {
  /** Octets. */
  readonly size: number;
  /** The content, as often as it is asked for. */
  readonly text: ContentSource;
}

/** Signed content as it is sent. Rejects when it can't be read. */
export async function sentContent(content: SizedContent, { prefix, form }: Signed): Promise<SizedContent> {
  const octets = encode(prefix);
  const { size, text } = form === undefined ? content : await formed(content, form) ?? content;
  return {
    size: octets.length + size,
    text: () => {
      const pieces = text();
      return Array.isArray(pieces) ? [concat([octets, ...pieces])] : behind(octets, pieces);
    },
  };
}

async function* behind(
  octets: Uint8Array,
  pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  yield octets;
  yield* pieces;
}

/** Content in another form; undefined: it can't be had without a loss. */
export async function formed({ text }: SizedContent, form: SentForm): Promise<SizedContent | undefined> {
  const converted = await convert(text, form === "7bit" ? { sevenBit: true } : {});
  return converted.ok ? converted : undefined;
}
