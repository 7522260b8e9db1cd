/** The assertions on mail and on conversations; what differs is told part by part, line by line. */

/** What is compared with a text: the whole of it (line ends as they may be, blank lines at the end aside), or a pattern. */
export type Expected = string | RegExp;

/** What a mail should be; what is left out may be anything. */
export interface ExpectedMail {
  /** The mailbox it is in. */
  readonly mailbox?: Expected;
  /** The folder it is in. */
  readonly folder?: Expected;
  /** All of its flags and keywords, in their order. */
  readonly flags?: readonly Expected[];
  /** The header field From. */
  readonly from?: Expected;
  /** The header field To. */
  readonly to?: Expected;
  /** The subject, decoded. */
  readonly subject?: Expected;
  /** The text; null: none. */
  readonly text?: Expected | null;
  /** The HTML; null: none. */
  readonly html?: Expected | null;
  /** All of them, in their order. */
  readonly links?: readonly Expected[];
  /** All of them, in their order. */
  readonly codes?: readonly Expected[];
  /** The names of all of them, in their order. */
  readonly attachments?: readonly Expected[];
  /** By name, whatever its case; several of a name stand in one text, with commas between. */
  readonly headers?: Readonly<Record<string, Expected>>;
}

/** What of a parsed mail is looked at, as `GET /api/v1/wait` answers it. */
export interface ActualMail {
  /** The mailbox it is in. */
  readonly mailbox?: string;
  /** The folder it is in. */
  readonly folder?: string;
  /** All of its flags and keywords, in their order. */
  readonly flags?: readonly string[];
  /** The header field From. */
  readonly from?: string;
  /** The header field To. */
  readonly to?: string;
  /** The subject, decoded. */
  readonly subject?: string;
  /** The text; null: none. */
  readonly text?: string | null;
  /** The HTML; null: none. */
  readonly html?: string | null;
  /** All of them, in their order. */
  readonly links?: readonly string[];
  /** All of them, in their order. */
  readonly codes?: readonly string[];
  /** The names of all of them, in their order. */
  readonly attachments?: readonly { readonly filename: string | null }[];
  /** The header fields, decoded. */
  readonly headers?: readonly { readonly name: string; readonly value: string }[];
}

/** What was expected is not so. The message says what differs. */
export class MailAssertionError extends Error {
  /** `AssertionError`, as of other assertions. */
  override readonly name = "AssertionError";
}

/** Fails unless the mail is as expected, and tells every part that is not. */
export function assertMail(actual: ActualMail, expected: ExpectedMail): void {
  const found = partsOf(actual);
  const { headers = {}, ...rest } = expected;
  const wanted = [
    ...Object.entries(rest),
    ...Object.entries(headers).map(([name, value]) => [`header ${name.toLowerCase()}`, value] as const),
  ];
  const wrong = wanted.flatMap(([part, want]) => {
    if (want === undefined) return [];
    const difference = differenceOf(found(part), want);
    return difference === undefined ? [] : [`${part} is not as expected:\n${indented(difference)}`];
  });
  if (wrong.length > 0) {
    const about = `The mail "${actual.subject ?? ""}" to ${actual.mailbox ?? actual.to ?? "somebody"}`;
    throw new MailAssertionError(`${about}:\n${wrong.join("\n")}`);
  }
}

/** Fails unless each line is as expected: commands that a peer heard, for example. */
export function assertLines(actual: readonly string[], expected: readonly Expected[]): void {
  const difference = differenceOf(actual, expected);
  if (difference !== undefined) {
    throw new MailAssertionError(`The lines are not as expected:\n${indented(difference)}`);
  }
}

type Part = string | readonly string[] | null | undefined;
type ExpectedPart = Expected | readonly Expected[] | null;

function partsOf(mail: ActualMail): (part: string) => Part {
  return (part) => {
    if (part.startsWith("header ")) {
      const name = part.slice("header ".length);
      const values = mail.headers?.filter((field) => field.name.toLowerCase() === name);
      return values?.length ? values.map(({ value }) => value).join(", ") : undefined;
    }
    if (part === "attachments") return mail.attachments?.map(({ filename }) => filename ?? "");
    return mail[part as Exclude<keyof ActualMail, "attachments" | "headers">];
  };
}

/** What differs; undefined: nothing. */
function differenceOf(actual: Part, expected: ExpectedPart): string | undefined {
  if (expected === null || actual === null || actual === undefined) {
    return actual === expected || (actual === undefined && expected === null)
      ? undefined
      : `expected ${shown(expected)}\nbut got  ${shown(actual)}`;
  }
  if (expected instanceof RegExp) {
    const text = [actual].flat().join("\n");
    return expected.test(text) ? undefined : `expected ${expected}\nbut got  ${shown(text)}`;
  }
  const [got, wanted] = [linesOf(actual), linesOf(expected)];
  if (got.length === wanted.length && got.every((line, i) => fits(line, wanted[i]!))) return undefined;
  if (got.length <= 1 && wanted.length <= 1 && typeof expected === "string") {
    return `expected ${shown(expected)}\nbut got  ${shown(actual)}`;
  }
  return difference(got, wanted, fits, String).join("\n");
}

/** A text by lines, a list by items. */
function linesOf<T>(part: string | readonly T[]): readonly (T | string)[] {
  return typeof part === "string" ? part.trimEnd().split(/\r?\n/) : part;
}

function fits(line: string, expected: Expected): boolean {
  return expected instanceof RegExp ? expected.test(line) : line === expected;
}

function shown(part: Part | ExpectedPart): string {
  if (part === null || part === undefined) return "nothing";
  return part instanceof RegExp ? String(part) : JSON.stringify(part);
}

function indented(text: string): string {
  return text.replace(/^/gm, "    ");
}

/**
 * Both, line by line: `-` was expected and is not there, `+` is there and was not expected. `agree` says whether a line
 * is the one that was expected, `text` how that is shown.
 */
export function difference<T>(
  actual: readonly string[],
  expected: readonly T[],
  agree: (line: string, expected: T) => boolean,
  text: (expected: T) => string,
): string[] {
  const lengths = commonLengths(actual, expected, agree);
  const lines: string[] = [];
  let [i, j] = [0, 0];
  while (i < actual.length || j < expected.length) {
    if (i < actual.length && j < expected.length && agree(actual[i]!, expected[j]!)) {
      lines.push(`  ${actual[i++]}`);
      j++;
    } else if (j < expected.length && (i === actual.length || lengths[i]![j + 1]! >= lengths[i + 1]![j]!)) {
      lines.push(`- ${text(expected[j++]!)}`);
    } else lines.push(`+ ${actual[i++]}`);
  }
  return lines;
}

/** The length of the longest common run of lines from each pair of places on. */
function commonLengths<T>(
  actual: readonly string[],
  expected: readonly T[],
  agree: (line: string, expected: T) => boolean,
): number[][] {
  const lengths = Array.from({ length: actual.length + 1 }, () => Array<number>(expected.length + 1).fill(0));
  for (let i = actual.length - 1; i >= 0; i--) {
    for (let j = expected.length - 1; j >= 0; j--) {
      lengths[i]![j] = agree(actual[i]!, expected[j]!)
        ? lengths[i + 1]![j + 1]! + 1
        : Math.max(lengths[i + 1]![j]!, lengths[i]![j + 1]!);
    }
  }
  return lengths;
}
