/** The tags of messages: what people sort them by. */

/** More are not kept of one message, and no longer ones. */
const MOST = 50;
const LONGEST = 100;

/** The tags that the value of an `X-Tags` field names. */
export function tagsIn(value: string): string[] {
  return cleanTags(value.split(","));
}

/** Tags as they are kept: letters, digits and `-_.@`, with one blank for anything else; each once, whatever its case. */
export function cleanTags(tags: readonly string[]): string[] {
  const clean = new Map<string, string>();
  for (const tag of tags) {
    const text = tag.slice(0, LONGEST).replace(/[^\p{L}\p{N}_.@-]+/gu, " ").trim();
    const key = text.toLowerCase();
    if (text !== "" && !clean.has(key) && clean.size < MOST) clean.set(key, text);
  }
  return [...clean.values()];
}
