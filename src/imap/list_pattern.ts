/** The patterns of LIST and LSUB (RFC 9051 6.3.9): `%` stands for a part of one level, `*` for anything. */

/** A pattern that names are held against. Its time grows with the pattern's length times the name's, whatever it is. */
export class ListPattern {
  readonly #pattern: string;

  /** Reference and pattern belong together as they are written; `INBOX` may be written in any case. */
  constructor(reference: string, pattern: string) {
    // several stars mean what one means
    const whole = `${reference}${pattern}`.normalize("NFC").replace(/[*%]*\*[*%]*/g, "*").replace(/%+/g, "%");
    this.#pattern = whole.replace(/^inbox(?=$|\/)/i, "INBOX");
  }

  /** Does the name (in NFC) fit? */
  matches(name: string): boolean {
    return fits(this.#pattern, name) ||
      // RFC 9051 5.1: INBOX fits what would fit it in another case
      name === "INBOX" && fits(this.#pattern.toUpperCase(), name);
  }

  /** Is a level above the name one that fits? */
  matchesAbove(name: string): string[] {
    const above: string[] = [];
    for (let at = name.indexOf("/"); at >= 0; at = name.indexOf("/", at + 1)) {
      const parent = name.slice(0, at);
      if (this.matches(parent)) above.push(parent);
    }
    return above;
  }
}

/** Which places of the pattern are reached after each character of the name: no way back, so no explosion. */
function fits(pattern: string, name: string): boolean {
  let reached = closure(pattern, new Uint8Array(pattern.length + 1).fill(1, 0, 1));
  for (const character of name) {
    const next = new Uint8Array(pattern.length + 1);
    let any = false;
    for (let i = 0; i < pattern.length; i++) {
      if (reached[i] === 0) continue;
      const wanted = pattern[i]!;
      if (wanted === "*" || wanted === "%" && character !== "/") next[i] = 1;
      else if (pattern.startsWith(character, i)) next[i + character.length] = 1;
      else continue;
      any = true;
    }
    if (!any) return false;
    reached = closure(pattern, next);
  }
  return reached[pattern.length] === 1;
}

/** A wild card may stand for nothing. */
function closure(pattern: string, reached: Uint8Array): Uint8Array {
  for (let i = 0; i < pattern.length; i++) {
    if (reached[i] === 1 && (pattern[i] === "*" || pattern[i] === "%")) reached[i + 1] = 1;
  }
  return reached;
}
