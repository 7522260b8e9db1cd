/** What Mailpit tells of a List-Unsubscribe field (RFC 2369 3.2): its links, and what is wrong with them, in its words. */

import { type DecodedField, fieldValue } from "../mail/decoded_header.ts";

/** What it tells; a message without the field has neither links nor errors. */
export function unsubscribeJson(fields: readonly DecodedField[]) {
  const header = fieldValue(fields, "list-unsubscribe");
  const { links, errors } = header === "" ? { links: [], errors: [] } : linksIn(header);
  return {
    Header: header,
    Links: links,
    Errors: errors.join(", "),
    HeaderPost: header === "" ? "" : fieldValue(fields, "list-unsubscribe-post"),
  };
}

/** A comment that doesn't end is none; to look for each one's end would take the square of their number. */
function withoutComments(text: string): string {
  const last = text.lastIndexOf(")") + 1;
  return text.slice(0, last).replace(/\([^)]*\)/g, "") + text.slice(last);
}

function linksIn(header: string): { links: string[]; errors: string[] } {
  const text = withoutComments(header).trim();
  const wrong = (what: string) => ({ links: [], errors: [`"${text}" ${what}`] });
  const found = [...text.matchAll(/<(.*?)>/g)].map(([, link]) => link!);
  if (found.length === 0) return wrong("no valid unsubscribe links found");
  if (!/^<[^]*>$/.test(text)) return wrong("should be enclosed in <>");
  if (found.length > 2) return wrong("should include a maximum of one email and one HTTP link");
  const between = [...text.matchAll(/>([^]*?)</g)].map(([, one]) => one!);
  if (!between.every((one) => /^\s*,\s*$/.test(one))) {
    return wrong("<> should be split with a comma and optional spaces");
  }
  const links: string[] = [];
  const errors: string[] = [];
  const kinds = new Set<string>();
  for (const link of found) {
    const kind = /^mailto:[a-z0-9]/i.test(link)
      ? "mailto:"
      : /^https?:\/\/[a-z0-9]/i.test(link)
      ? "HTTP link"
      : "";
    if (/\s/.test(link)) errors.push(`"${link}" should not contain spaces`);
    else if (kind === "") errors.push(`"${link}" should start with either http(s):// or mailto:`);
    else if (kinds.has(kind)) errors.push(`"${link}" should only contain one ${kind}`);
    else links.push(link);
    if (!/\s/.test(link)) kinds.add(kind);
  }
  return { links, errors };
}
