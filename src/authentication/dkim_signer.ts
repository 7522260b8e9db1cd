/** The signer of messages: one signature for each key of the domain, over the same header and body (RFC 6376 5; RFC 8463 3). */

import { octetsOf } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { Semaphore } from "../base/semaphore.ts";
import { canonicalField, type RawField, rawFields } from "./dkim_header.ts";
import type { SigningKey } from "./dkim_keys.ts";
import { type Examined, examineForSigning } from "./dkim_examination.ts";
import type { Signed, SizedContent } from "./dkim_outgoing.ts";

/** A signature by RSA takes a core for a millisecond or two: more of them at once would only hold up all else. */
const AT_ONCE = 2;

/** Signed once more than they stand there, so that nobody can add one (RFC 6376 8.15). */
const OVERSIGNED = withLow(["From", "To", "Cc", "Subject", "Date", "Message-ID", "Reply-To"]);
/** Signed as often as they stand there. */
const SIGNED = withLow([
  ...["Sender", "In-Reply-To", "References", "Auto-Submitted", "Feedback-ID"],
  ...["Resent-From", "Resent-Sender", "Resent-To", "Resent-Cc", "Resent-Date", "Resent-Message-ID"],
  ...["MIME-Version", "Content-Type", "Content-Transfer-Encoding", "Content-Disposition"],
  ...["List-Id", "List-Unsubscribe", "List-Unsubscribe-Post", "List-Help", "List-Post"],
]);
/** Some verifiers make something else of such fields: a blank before the colon, VT, FF. */
const ODD = /^[^:]*[ \t]:|[\v\f]/;

/** The longest line that is liked (RFC 5322 2.1.1). */
const LIKED = 78;
/** A line of `b=` that is not the last one. */
const BASE64_LINE = /.{72}(?=.)/g;

/** Signs messages, two at once; what they wait for is the key alone. */
export class DkimSigner {
  readonly #clock: Clock;
  readonly #turns = new Semaphore(AT_ONCE);

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Signs content by each of the keys, the first one's field on top. Rejects when the content can't be read. */
  async sign(content: SizedContent, keys: readonly SigningKey[]): Promise<Signed> {
    const { examined, form } = await examineForSigning(content);
    const header = signedFields(examined.header);
    const now = Math.floor(this.#clock.now() / 1000);
    const fields = await this.#turns.run(async () => {
      let fields = "";
      for (const key of keys) fields += await signature(key, { ...examined, ...header, now });
      return fields;
    });
    return form === undefined ? { prefix: fields } : { prefix: fields, form };
  }
}

/** The names of `h=`, and what a hash of the header begins with: of fields with one name the last ones first. */
function signedFields(header: Uint8Array): { readonly names: readonly string[]; readonly text: string } {
  const byName = new Map<string, RawField[]>();
  for (const field of rawFields(header)) {
    const same = byName.get(field.name);
    if (same) same.push(field);
    else byName.set(field.name, [field]);
  }
  const names: string[] = [];
  let text = "";
  const take = (name: string, fields: readonly RawField[]) => {
    for (let i = fields.length - 1; i >= 0; i--) {
      names.push(name);
      text += `${canonicalField(fields[i]!, "relaxed")}\r\n`;
    }
  };
  for (const [name, low] of OVERSIGNED) {
    take(name, byName.get(low) ?? []);
    names.push(name);
  }
  for (const [name, low] of SIGNED) {
    const fields = byName.get(low);
    if (fields && !fields.some((field) => ODD.test(field.text))) take(name, fields);
  }
  return { names, text };
}

/** A signature's field, with CRLF. */
async function signature(
  key: SigningKey,
  { names, text, bodyForm, bodyHash, now }: ReturnType<typeof signedFields> & Omit<Examined, "header"> & {
    now: number;
  },
): Promise<string> {
  const start = folded([
    ...["DKIM-Signature:", " v=1;", ` a=${key.algorithm};`, ` c=relaxed/${bodyForm};`],
    ...[` d=${key.domain};`, ` s=${key.selector};`, ` t=${now};`],
    ...names.map((name, i) => `${i === 0 ? " h=" : ""}${name}${i === names.length - 1 ? ";" : ":"}`),
    ` bh=${bodyHash.toBase64()};`,
  ]) + "\r\n\tb=";
  const own = canonicalField({ name: "dkim-signature", text: start }, "relaxed");
  const base64 = (await key.sign(octetsOf(text + own))).toBase64();
  return `${start}${base64.replace(BASE64_LINE, "$&\r\n\t")}\r\n`;
}

/** The parts in lines; a fold is white space, which may stand between any two of them. */
function folded(parts: readonly string[]): string {
  let text = "";
  let length = 0;
  for (const part of parts) {
    if (length + part.length > LIKED) {
      text += `\r\n\t${part.trimStart()}`;
      length = 1 + part.trimStart().length;
    } else {
      text += part;
      length += part.length;
    }
  }
  return text;
}

/** Each name with itself in lower case. */
function withLow(names: readonly string[]): [string, string][] {
  return names.map((name) => [name, name.toLowerCase()]);
}
