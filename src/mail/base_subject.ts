/** The base subject of a message, by which subjects are sorted and threads are found (RFC 5256 2.1). */

import { decodeWords } from "./decoded_words.ts";

/** A subject without what replying and forwarding put around it. */
export interface BaseSubject {
  readonly text: string;
  /** There was such a thing: it is an answer, or forwarded. */
  readonly isReply: boolean;
}

const TRAILER = /[ ]*\(fwd\)[ ]*$/i;
/** `Re:`, `[list] Fwd [5] :`: at most so many blobs, since nobody writes more. */
const LEADER = /(?:\[[^[\]]*\][ ]*){0,20}(?:re|fwd?)[ ]*(?:\[[^[\]]*\][ ]*)?:[ ]*/iy;
const BLOB = /\[[^[\]]*\][ ]*/y;
const FORWARDED = /^\[fwd:/i;
/** What is longer is cut: the rest tells no thread from another. */
const MOST = 1000;

/** The base subject of a Subject field's value, unfolded, with its encoded words. */
export function baseSubject(value: string): BaseSubject {
  let text = decodeWords(value).slice(0, MOST).toWellFormed().replace(/\s+/g, " ").trim();
  let isReply = false;
  for (;;) {
    while (TRAILER.test(text)) {
      text = text.replace(TRAILER, "");
      isReply = true;
    }
    const led = withoutLeaders(text);
    text = led.text;
    isReply ||= led.isReply;
    if (!FORWARDED.test(text) || !text.endsWith("]")) return { text, isReply };
    text = text.slice(5, -1).trim();
    isReply = true;
  }
}

function withoutLeaders(text: string): BaseSubject {
  let at = 0;
  let isReply = false;
  for (;;) {
    LEADER.lastIndex = BLOB.lastIndex = at;
    if (LEADER.test(text)) {
      at = LEADER.lastIndex;
      isReply = true;
    } else if (BLOB.test(text) && BLOB.lastIndex < text.length) at = BLOB.lastIndex;
    else return { text: text.slice(at), isReply };
  }
}
