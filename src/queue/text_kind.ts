/** The kind of a text: an answer of a server or a subject without what differs from message to message. */

/** The reply code and the enhanced status in front. */
const STATUS = /^\d{3}(?:[ -]\d\.\d{1,3}\.\d{1,3})?/;
/** Addresses, names of hosts, and words of four or more characters with a digit but statuses: ids, times, numbers. */
const DIFFERS =
  /<[^>]*>|[^\s<>]+@[^\s<>]+|(?:[\w-]+\.)+[a-z]{2,}\b|(?<![\w.])(?=[\w.:\/=+-]*\d)(?!\d\.\d{1,3}\.\d{1,3}(?![\w.]))[\w.:\/=+-]{4,}/gi;
/** Texts come again and again. */
const known = new Map<string, string>();
const MAX_KNOWN = 2000;

/** The text with `…` where texts of its kind differ. */
export function kindOfText(text: string): string {
  let kind = known.get(text);
  if (kind === undefined) {
    const [status = ""] = STATUS.exec(text) ?? [];
    kind = status + text.slice(status.length).replace(DIFFERS, "…").replace(/(?:… *)+…/g, "…");
    if (known.size === MAX_KNOWN) known.clear();
    known.set(text, kind);
  }
  return kind;
}
