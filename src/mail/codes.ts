/** The codes of a mail that are to be typed in somewhere: 123456, G-482913, AB12-CD34. */

import { visibleText } from "./html_tags.ts";
import { withoutLinks } from "./links.ts";

const WORDS =
  "code|pin|otp|one[- ]time|password|passwort|kennwort|passcode|token|verif\\w*|confirm\\w*|kode|código|codice|код|代码|验证码|認証コード|コード";
const CODE_WORD = new RegExp(String.raw`(?<![\p{L}\d_])(?:\w*code|${WORDS})`, "iu");
/** What such a word says right in front of a code. */
const SAID = String
  .raw`(?<=(?i:code|pin|otp|passw\w+|passcode|token|kode|código|codice|код|代码|验证码|コード)(?: is| lautet| ist| est| es)?\s?[:：=#] ?)`;
const ALONE = String.raw`(?<![\w./:@#&=?+%,$€£¥-]|[$€£¥] |\d[ -]|\(\d{1,5}\) )`;
const ENDS = String.raw`(?![\w@/%]|[-.,:]\w| \d{3,}(?!\d)| ?[$€£¥])`;
const GROUPS = String
  .raw`\d(?: \d){3,7}(?! \d)|\d{4}(?: \d{4}){1,3}|\d{3}(?:[ -]\d{3}){1,3}|\d{2}(?: \d{2}){2,3}|\d{4,8}`;
const UNSPLIT = String.raw`[A-Z]{1,3}-\d{4,8}|(?=[A-Z\d-]*\d)[A-Z\d]{4,10}(?:-[A-Z\d]{3,10}){0,7}`;
const CODE = new RegExp(
  `${SAID}(?:${GROUPS}|${UNSPLIT}|(?=[A-Za-z]*\\d)[A-Za-z\\d]{4,12})${ENDS}|${ALONE}(?:${GROUPS}|${UNSPLIT})${ENDS}`,
  "gu",
);
const MONTH =
  "jan(?:uary|uar)?|feb(?:ruary|ruar)?|mar(?:ch)?|märz|apr(?:il)?|may|mai|june?|juni|july?|juli|aug(?:ust)?|sept?(?:ember)?|o[ck]t(?:ober)?|nov(?:ember)?|de[cz](?:ember)?";
const MONTH_FIRST = new RegExp(`^(?:${MONTH})-`, "i");
/** How near to such a word a code must stand. */
const NEAR = 120;
const MOST = 100;

/**
 * What looks like a code to be typed in, each once: near a word such as "code"; where no such word stands, any
 * number of 4 to 8 digits. Of HTML only when the text has none.
 */
export function codesOf(subject: string, text: string | null, html: string | null): string[] {
  const own = codesIn(`${subject}\n${text ?? visibleText(html ?? "")}`);
  return own.length > 0 || text === null || html === null ? own : codesIn(`${subject}\n${visibleText(html)}`);
}

interface Found {
  readonly code: string;
  readonly at: number;
}

function codesIn(text: string): string[] {
  const whole = withoutLinks(text);
  const all = [...whole.matchAll(CODE)].map((match): Found => ({ code: match[0], at: match.index }));
  const likely = all.filter((one) => !isDate(one, whole));
  const codes = CODE_WORD.test(whole)
    ? likely.filter((one) => isNear(one, whole))
    : likely.filter(({ code }) => /^(?:[A-Z]-)?[\d ]+$/.test(code));
  return [...new Set(codes.map(({ code }) => typed(code)))].slice(0, MOST);
}

/** Digits that stand apart, as in boxes, are typed together. */
function typed(code: string): string {
  return /^\d(?: \d)+$/.test(code) ? code.replaceAll(" ", "") : code;
}

function isNear({ code, at }: Found, whole: string): boolean {
  const end = at + code.length;
  return CODE_WORD.test(`${whole.slice(Math.max(0, at - NEAR), at)} ${whole.slice(end, end + NEAR)}`);
}

const BEFORE_A_CODE = new RegExp(String.raw`(?:${WORDS})(?: is| lautet| ist| est| es)?[\s:：=#]*$`, "iu");

/** A year of our time is a code only when it is said to be one; a month or a whole date in digits is none. */
function isDate({ code, at }: Found, whole: string): boolean {
  if (MONTH_FIRST.test(code)) return true;
  if (/^(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])$/.test(code)) return true;
  return /^(?:19|20)\d\d$/.test(code) && !BEFORE_A_CODE.test(whole.slice(Math.max(0, at - 40), at));
}
