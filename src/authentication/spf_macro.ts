/** The macro language of SPF: strings with holes, and what fills them (RFC 7208 7). */

/** One hole: `%{d2r.-}`. */
export interface Macro {
  /** In lower case. */
  readonly letter: MacroLetter;
  /** How many parts are kept, from the right; undefined: all. */
  readonly keep: number | undefined;
  /** The parts are put in reverse order before. */
  readonly reverse: boolean;
  /** What parts the value: each character for itself. */
  readonly delimiters: string;
  /** Written in upper case: what is put in is escaped as in a URL. */
  readonly escape: boolean;
}

/** The letters; `c`, `r` and `t` stand in explanations only. */
export type MacroLetter = "s" | "l" | "o" | "d" | "i" | "p" | "h" | "v" | "c" | "r" | "t";

/** A string with its holes. Literal text is a string; `%%`, `%_` and `%-` are holes that are always filled alike. */
export type MacroString = readonly (string | Macro | { readonly fixed: string })[];

/** What fills the holes. */
export type MacroValues = Readonly<Record<MacroLetter, string>>;

/** No name and no line of a reply needs a longer one, whose holes together would take long to fill. */
const MAX_LENGTH = 2000;
const HOLE = /%(?:([%_-])|\{([slodiphvcrt])(\d{0,9})(r?)([.\-+,/_=]*)\})/iy;
const LITERAL = /[\x21-\x24\x26-\x7e]+/y;
const LITERAL_OR_BLANKS = /[\x20-\x24\x26-\x7e]+/y;
const FIXED: Readonly<Record<string, string>> = { "%": "%", "_": " ", "-": "%20" };
const OF_EXPLANATIONS: ReadonlySet<string> = new Set(["c", "r", "t"]);

/**
 * Reads a macro-string; undefined when it is none. An explanation (RFC 7208 6.2) may have blanks in it, and the letters
 * `c`, `r` and `t`.
 */
export function parseMacroString(text: string, explains = false): MacroString | undefined {
  if (text.length > MAX_LENGTH) return undefined;
  const parts: (string | Macro | { fixed: string })[] = [];
  const literal = explains ? LITERAL_OR_BLANKS : LITERAL;
  for (let at = 0; at < text.length;) {
    const pattern = text[at] === "%" ? HOLE : literal;
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (!found) return undefined;
    at = pattern.lastIndex;
    if (pattern === literal) parts.push(found[0]);
    else if (found[1] !== undefined) parts.push({ fixed: FIXED[found[1]]! });
    else {
      const [, , letter = "", digits = "", reverse = "", delimiters = ""] = found;
      const lower = letter.toLowerCase() as MacroLetter;
      if (Number(digits || 1) === 0 || (!explains && OF_EXPLANATIONS.has(lower))) return undefined;
      parts.push({
        letter: lower,
        keep: digits === "" ? undefined : Number(digits),
        reverse: reverse !== "",
        delimiters: delimiters || ".",
        escape: letter !== lower,
      });
    }
  }
  return parts;
}

/** Does filling it need the value of that letter? */
export function usesMacro(text: MacroString, letter: MacroLetter): boolean {
  return text.some((part) => typeof part === "object" && "letter" in part && part.letter === letter);
}

/** The string with its holes filled. */
export function expandMacros(text: MacroString, values: MacroValues): string {
  return text.map((part) => {
    if (typeof part === "string") return part;
    return "fixed" in part ? part.fixed : fill(part, values[part.letter]);
  }).join("");
}

function fill({ keep, reverse, delimiters, escape }: Macro, value: string): string {
  let parts: string[] = [""];
  for (const character of value) {
    if (delimiters.includes(character)) parts.push("");
    else parts[parts.length - 1] += character;
  }
  if (reverse) parts.reverse();
  if (keep !== undefined) parts = parts.slice(-keep);
  const whole = parts.join(".");
  return escape ? encodeUnreserved(whole) : whole;
}

/** All but the unreserved characters of RFC 3986 2.3 as `%XX`. */
function encodeUnreserved(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replace(
    /[!'()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
