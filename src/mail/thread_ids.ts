/** Message ids in header fields, as threads are made of them (RFC 5256 3, "normalized Message ID"). */

/** A longer id is none. */
const MOST_ID = 500;
/** So many of a list are kept: the first, and the last ones, which say most. */
const MOST_IDS = 100;

/** The ids of a field's value, in their order, without angle brackets and quoting. */
export function messageIds(value: string): string[] {
  const ids: string[] = [];
  for (let at = value.indexOf("<"); at >= 0; at = value.indexOf("<", at)) {
    const end = value.indexOf(">", at);
    if (end < 0) break;
    // of `<<a@b>` the inner one
    const start = value.lastIndexOf("<", end);
    const id = normalized(value.slice(start + 1, end));
    if (id !== undefined) ids.push(id);
    at = end + 1;
  }
  return ids.length > MOST_IDS ? [ids[0]!, ...ids.slice(1 - MOST_IDS)] : ids;
}

function normalized(id: string): string | undefined {
  if (id.length > MOST_ID) return undefined;
  const plain = id.replace(/\s+/g, "").replace(
    /"((?:[^"\\]|\\.)*)"/,
    (_, quoted: string) => quoted.replace(/\\(.)/g, "$1"),
  );
  return /.@./.test(plain) ? plain : undefined;
}
