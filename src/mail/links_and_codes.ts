/** In charge of what tests and people look for in a mail: its links, and the codes to type in somewhere. */

const LINK = /\bhttps?:\/\/[^\s<>"'`\\^{|}]+/gi;
const HREF = /<a\b[^>]*?\bhref\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]+))/gi;
/** Groups of digits and capitals, such as 123456, 123-456, AB12-CD34. */
const CODE =
  /(?<![\w./:@#&=?+%-])(?:\d{4,8}|\d{3}[- ]\d{3}|(?=[A-Z\d-]*\d)[A-Z\d]{4,10}(?:-[A-Z\d]{3,10}){0,3})(?![\w@/]|[-.:]\w)/g;
const CODE_WORD =
  /\b(?:code|pin|otp|one[- ]time|password|passcode|token|verif\w*|confirm\w*|kode|código|codice)\b/i;
/** How near to such a word a code must stand. */
const NEAR = 120;
const MOST = 100;

/** The links of a message, each once, in their order: of its text, then of its HTML. */
export function linksOf(text: string | null, html: string | null): string[] {
  const links = new Set<string>();
  for (const [link] of (text ?? "").matchAll(LINK)) links.add(trimmed(link));
  for (const [, a, b, c] of (html ?? "").matchAll(HREF)) {
    const link = unescaped((a ?? b ?? c ?? "").trim());
    if (/^https?:\/\//i.test(link)) links.add(link);
  }
  return [...links].slice(0, MOST);
}

/**
 * What looks like a code to be typed in, each once: near a word such as "code"; where no such word stands, any
 * number of 4 to 8 digits.
 */
export function codesOf(subject: string, text: string | null, html: string | null): string[] {
  const whole = `${subject}\n${text ?? textOf(html ?? "")}`.replace(LINK, " ");
  const all = [...whole.matchAll(CODE)];
  const near = all.filter(({ index, 0: code }) => {
    const around = whole.slice(Math.max(0, index - NEAR), index) + " " +
      whole.slice(index + code.length, index + code.length + NEAR);
    return CODE_WORD.test(around);
  });
  const codes = CODE_WORD.test(whole) ? near : all.filter(([code]) => /^\d+$/.test(code));
  return [...new Set(codes.map(([code]) => code))].slice(0, MOST);
}

/** A sentence's end is not a link's, nor is a bracket that was not opened within it. */
function trimmed(link: string): string {
  for (let end = link;;) {
    const last = end.at(-1) ?? "";
    const opening = last === ")" ? "(" : last === "]" ? "[" : undefined;
    const isClosing = opening !== undefined && count(end, last) > count(end, opening);
    if (!isClosing && !/[.,;:!?*_]/.test(last)) return end;
    end = end.slice(0, -1);
  }
}

function count(text: string, character: string): number {
  return text.split(character).length - 1;
}

/** The visible text of HTML, as far as it is needed to find a code in it. */
function textOf(html: string): string {
  const bare = html.replace(/<(style|script|head)\b[\s\S]*?<\/\1\s*>/gi, " ").replace(
    /<!--[\s\S]*?-->/g,
    " ",
  );
  return unescaped(bare.replace(/<[^>]*>/g, " "));
}

const ENTITIES: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  nbsp: " ",
};

function unescaped(text: string): string {
  return text.replace(/&(?:#(\d{1,7})|#x([\da-f]{1,6})|(\w+));/gi, (whole, decimal, hex, name) => {
    if (name !== undefined) return ENTITIES[name.toLowerCase()] ?? whole;
    const point = decimal === undefined ? parseInt(hex, 16) : Number(decimal);
    return point > 0 && point <= 0x10ffff ? String.fromCodePoint(point) : whole;
  });
}
