/** What an IMAP server's lines say: parenthesized lists as lists, and the messages of FETCH. */

/** A string or atom, NIL, or a list. */
export type Value = string | null | readonly Value[];

/** Reads the values of a line; literals stand in it as they came. */
export function values(line: string): Value[] {
  let at = 0;

  function list(closing: string): Value[] {
    const found: Value[] = [];
    for (;;) {
      while (line[at] === " ") at++;
      if (at >= line.length) {
        if (closing === "") return found;
        throw new Error(`A list is not closed: ${line.slice(0, 200)}`);
      }
      if (line[at] === ")") {
        if (closing === "") throw new Error(`")" closes nothing: ${line.slice(0, 200)}`);
        at++;
        return found;
      }
      found.push(value());
    }
  }

  function value(): Value {
    if (line[at] === "(") {
      at++;
      return list(")");
    }
    if (line[at] === '"') return quotedString();
    const literal = /^~?\{(\d+)\}\r\n/.exec(line.slice(at, at + 24));
    if (literal) {
      const from = at + literal[0].length;
      at = from + Number(literal[1]);
      return line.slice(from, at);
    }
    return atom();
  }

  function quotedString(): string {
    let text = "";
    for (at++; line[at] !== '"'; at++) {
      if (at >= line.length) throw new Error(`A string is not closed: ${line.slice(0, 200)}`);
      if (line[at] === "\\") at++;
      text += line[at];
    }
    at++;
    return text;
  }

  /** An atom; what stands in square brackets belongs to it, blanks included. */
  function atom(): string | null {
    const from = at;
    for (let depth = 0; at < line.length; at++) {
      const char = line[at];
      if (char === "[") depth++;
      else if (char === "]" && depth > 0) depth--;
      else if (depth === 0 && (char === " " || char === "(" || char === ")")) break;
    }
    const text = line.slice(from, at);
    return text === "NIL" ? null : text;
  }

  return list("");
}

/** The answers to a FETCH: for each message what was told of it, by the item's name in capitals, and its number as `#`. */
export function fetched(lines: readonly string[]): Map<string, Value>[] {
  const messages: Map<string, Value>[] = [];
  for (const line of lines) {
    const number = /^\* (\d+) FETCH /.exec(line);
    if (!number) continue;
    const [items] = values(line.slice(number[0].length));
    if (!Array.isArray(items)) throw new Error(`FETCH tells of no items: ${line.slice(0, 200)}`);
    const message = new Map<string, Value>([["#", number[1]!]]);
    for (let i = 0; i < items.length; i += 2) message.set(String(items[i]).toUpperCase(), items[i + 1]!);
    messages.push(message);
  }
  return messages;
}

/** The number in a response code such as `[UIDVALIDITY 7]`, in any of the lines. */
export function coded(lines: readonly string[], name: string): number {
  for (const line of lines) {
    const found = new RegExp(`\\[${name} (\\d+)\\]`).exec(line);
    if (found) return Number(found[1]);
  }
  throw new Error(`No line tells ${name}: ${lines.join(" | ").slice(0, 500)}`);
}
