/** Address lists of header fields (RFC 5322 3.4): the domains in them; names without one get it, and nothing else changes. */

/** One element of a list while it is read. */
interface Element {
  /** How many atoms and quoted strings stand where an address may be. */
  words: number;
  /** Where the last of them ended. */
  end: number;
  /** An `@`, an encoded word, or something that is no address. */
  done: boolean;
}

const QUOTED = /"(?:[^"\\]|\\[^])*"/y;
const LITERAL = /\[(?:[^\]\\]|\\[^])*\]/y;
const BLANKS = /[ \t\r\n]+/y;
const ATOM = /[^\s"(),:;<>@[\\\]]+/y;
/** RFC 2047 2: a name that is encoded is no local part. */
const ENCODED_WORD = /^=\?.*\?=$/;

/**
 * The value of a field such as From or Cc (an octet per character, folds included) with `@domain` behind each address
 * that is a local part alone: `root (Cron Daemon)`, `Jo <jo>`, `team: jo, "ann";`. A value that is no address list
 * comes back as it is.
 */
export function completeAddresses(value: string, domain: string): string {
  const places = bareNames(value);
  if (places === undefined || places.length === 0) return value;
  let completed = "";
  let from = 0;
  for (const at of places) {
    completed += `${value.slice(from, at)}@${domain}`;
    from = at;
  }
  return completed + value.slice(from);
}

/** Where the names end that have no domain; undefined when the value is no address list. */
function bareNames(value: string): number[] | undefined {
  const places: number[] = [];
  let element: Element = { words: 0, end: 0, done: false };
  let inAngle = false;
  const finish = (): void => {
    if (element.words === 1 && !element.done) places.push(element.end);
    element = { words: 0, end: 0, done: false };
  };
  for (let at = 0; at < value.length;) {
    const sign = value[at]!;
    const end = tokenEnd(value, at);
    if (end < 0) return undefined;
    if (sign === "<") {
      if (inAngle) return undefined;
      element = { words: 0, end: 0, done: false };
      inAngle = true;
    } else if (sign === ">") {
      if (!inAngle) return undefined;
      finish();
      element.done = true; // nothing behind the brackets is an address
      inAngle = false;
    } else if (sign === "," || sign === ";") {
      if (inAngle) return undefined;
      finish();
    } else if (sign === ":") {
      if (inAngle) return undefined;
      element = { words: 0, end: 0, done: false }; // the name of a group
    } else if (sign === "@" || sign === "[") element.done = true;
    else if (!isSpace(sign) && sign !== "(") {
      element.words++;
      element.end = end;
      if (sign === "." || ENCODED_WORD.test(value.slice(at, end))) element.done = true;
    }
    at = end;
  }
  if (inAngle) return undefined;
  finish();
  return places;
}

/**
 * The domains of the addresses in a field such as From, as they are written, from the angle brackets where there are
 * some; of a value that is no address list what stands behind its last `@`.
 */
export function addressDomains(value: string): string[] {
  const domains: string[] = [];
  // undefined: none here; empty: an `@` came
  let domain: string | undefined;
  let inAngle = false;
  let angleOver = false;
  const finish = (): void => {
    if (domain) domains.push(domain);
    domain = undefined;
    angleOver = false;
  };
  for (let at = 0; at < value.length;) {
    const sign = value[at]!;
    const end = tokenEnd(value, at);
    if (end < 0) return lastDomain(value);
    if (sign === "<") {
      domain = undefined; // what stands before is a name
      inAngle = true;
    } else if (sign === ">") {
      finish();
      inAngle = false;
      angleOver = true;
    } else if (sign === "," || sign === ";") {
      if (inAngle) domain = undefined; // the route of old
      else finish();
    } else if (sign === ":") domain = undefined;
    else if (sign === "@") domain = angleOver ? undefined : "";
    else if (sign === "[" && domain === "") domain = value.slice(at, end);
    else if (domain !== undefined && !isSpace(sign) && sign !== "(" && sign !== '"') {
      const word = value.slice(at, end);
      if (domain === "" || domain.endsWith(".") || word.startsWith(".")) domain += word;
    }
    at = end;
  }
  finish();
  return domains;
}

function lastDomain(value: string): string[] {
  ATOM.lastIndex = value.lastIndexOf("@") + 1;
  const found = ATOM.lastIndex > 0 ? ATOM.exec(value) : null;
  return found ? [found[0]] : [];
}

/** Where the token ends that begins there; -1 when it never does, or nothing can begin so. */
function tokenEnd(value: string, at: number): number {
  const sign = value[at]!;
  if (",;:<>@".includes(sign)) return at + 1;
  if (sign === "(") return commentEnd(value, at);
  const pattern = sign === '"' ? QUOTED : sign === "[" ? LITERAL : isSpace(sign) ? BLANKS : ATOM;
  pattern.lastIndex = at;
  return pattern.test(value) ? pattern.lastIndex : -1;
}

/** Where the comment ends that begins there, with those within it (RFC 5322 3.2.2); -1 when it never does. */
export function commentEnd(value: string, start: number): number {
  let depth = 0;
  for (let at = start; at < value.length; at++) {
    const sign = value[at];
    if (sign === "\\") at++;
    else if (sign === "(") depth++;
    else if (sign === ")" && --depth === 0) return at + 1;
  }
  return -1;
}

function isSpace(sign: string): boolean {
  return sign === " " || sign === "\t" || sign === "\r" || sign === "\n";
}
