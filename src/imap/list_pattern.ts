/** The patterns of LIST and LSUB (RFC 9051 6.3.9): `%` stands for a part of one level, `*` for anything. */

const STAR = "*".charCodeAt(0);
const PERCENT = "%".charCodeAt(0);
const SLASH = "/".charCodeAt(0);

/** A pattern that names are held against. Its time grows with the pattern's length times the name's, whatever it is. */
export class ListPattern {
  readonly #pattern: string;
  readonly #fits: Matcher;
  /** RFC 9051 5.1: INBOX fits what would fit it in another case. */
  #fitsInbox: Matcher | undefined;

  /** Reference and pattern belong together as they are written; `INBOX` may be written in any case. */
  constructor(reference: string, pattern: string) {
    // several stars mean what one means
    const whole = `${reference}${pattern}`.normalize("NFC").replace(/[*%]*\*[*%]*/g, "*").replace(/%+/g, "%");
    this.#pattern = whole.replace(/^inbox(?=$|\/)/i, "INBOX");
    this.#fits = new Matcher(this.#pattern);
  }

  /** Does the name (in NFC) fit? */
  matches(name: string): boolean {
    if (this.#fits.fits(name)) return true;
    if (name !== "INBOX") return false;
    this.#fitsInbox ??= new Matcher(this.#pattern.toUpperCase());
    return this.#fitsInbox.fits(name);
  }

  /** Are levels told that are above a mailbox and none themselves? */
  get tellsLevels(): boolean {
    return this.#pattern.endsWith("%");
  }
}

/** The levels above a name, the highest first: `a`, `a/b` for `a/b/c`. */
export function levelsAbove(name: string): string[] {
  const above: string[] = [];
  for (let at = name.indexOf("/"); at >= 0; at = name.indexOf("/", at + 1)) above.push(name.slice(0, at));
  return above;
}

/** Which places of the pattern are reached after each unit of the name: no way back, so no explosion. */
class Matcher {
  readonly #codes: Uint16Array;
  /** 1: the place is reached. Only what is between the bounds counts. */
  #reached: Uint8Array;
  #next: Uint8Array;

  /** No wild card stands next to another one. */
  constructor(pattern: string) {
    this.#codes = Uint16Array.from({ length: pattern.length }, (_, i) => pattern.charCodeAt(i));
    this.#reached = new Uint8Array(pattern.length + 3);
    this.#next = new Uint8Array(pattern.length + 3);
  }

  fits(name: string): boolean {
    const codes = this.#codes;
    let [reached, next] = [this.#reached, this.#next];
    // the first place that still matters, and the last one that is reached
    let [low, high] = [0, 0];
    reached[0] = 1;
    for (let at = 0;; at++) {
      for (let i = low; i <= high && i < codes.length; i++) {
        const code = codes[i];
        if (reached[i] === 0 || (code !== STAR && code !== PERCENT)) continue;
        // a wild card may stand for nothing
        reached[i + 1] = 1;
        if (i === high) high++;
        // whatever fits from an earlier place fits from the last star too
        if (code === STAR) low = i;
      }
      if (at === name.length) return high === codes.length && reached[high] === 1;
      const unit = name.charCodeAt(at);
      next.fill(0, low, high + 2);
      let top = -1;
      for (let i = low; i <= high && i < codes.length; i++) {
        if (reached[i] === 0) continue;
        const code = codes[i];
        if (code === STAR || (code === PERCENT && unit !== SLASH)) next[top = i] = 1;
        else if (code === unit) next[top = i + 1] = 1;
      }
      if (top < 0) return false;
      high = top;
      [reached, next] = [next, reached];
    }
  }
}
