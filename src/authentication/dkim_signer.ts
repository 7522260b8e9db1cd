/** The signer of messages: one signature for each key of the domain, over the same header and body (RFC 6376 5; RFC 8463 3). */

import type { Clock } from "../base/clock.ts";
import { Semaphore } from "../base/semaphore.ts";
import { type RawField, rawFields, selectFields, signedHeader } from "./dkim_header.ts";
import type { SigningKey } from "./dkim_keys.ts";
import { type Examined, examineForSigning } from "./dkim_examination.ts";
import type { Signed, SizedContent } from "./dkim_outgoing.ts";

/** An RSA signature takes a core for a millisecond or two: more of them at once would only hold up all else. */
const AT_ONCE = 2;

/** Signed once more than they stand there, so that nobody can add one (RFC 6376 8.15). */
const OVERSIGNED = ["From", "To", "Cc", "Subject", "Date", "Message-ID", "Reply-To"];
/** Signed as often as they stand there. */
const SIGNED = [
  ...["Sender", "In-Reply-To", "References", "Auto-Submitted", "Feedback-ID"],
  ...["Resent-From", "Resent-Sender", "Resent-To", "Resent-Cc", "Resent-Date", "Resent-Message-ID"],
  ...["MIME-Version", "Content-Type", "Content-Transfer-Encoding", "Content-Disposition"],
  ...["List-Id", "List-Unsubscribe", "List-Unsubscribe-Post", "List-Help", "List-Post"],
];
/** Some verifiers make something else of such fields: a blank before the colon, VT, FF. */
const ODD = /^[^:]*[ \t]:|[\v\f]/;

/** The longest line that is liked (RFC 5322 2.1.1). */
const LIKED = 78;
/** Of `b=` on a line. */
const BASE64_LINE = 72;

/** Signs messages, two at once. */
export class DkimSigner {
  readonly #clock: Clock;
  readonly #turns = new Semaphore(AT_ONCE);

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Signs content by each of the keys, the first one's field on top. Rejects when the content can't be read. */
  sign(content: SizedContent, keys: readonly SigningKey[]): Promise<Signed> {
    return this.#turns.run(async () => {
      const { examined, form } = await examineForSigning(content);
      const now = Math.floor(this.#clock.now() / 1000);
      let prefix = "";
      for (const key of keys) prefix += await signature(examined, key, now);
      return form === undefined ? { prefix } : { prefix, form };
    });
  }
}

async function signature(
  { header, bodyForm, bodyHash }: Examined,
  key: SigningKey,
  now: number,
): Promise<string> {
  const fields = rawFields(header);
  const names = namesOf(fields);
  const start = folded([
    ...["DKIM-Signature:", " v=1;", ` a=${key.algorithm};`, ` c=relaxed/${bodyForm};`],
    ...[` d=${key.domain};`, ` s=${key.selector};`, ` t=${now};`],
    ...names.map((name, i) => `${i === 0 ? " h=" : ""}${name}${i === names.length - 1 ? ";" : ":"}`),
    ` bh=${bodyHash.toBase64()};`,
  ]) + "\r\n\tb=";
  const own: RawField = { name: "dkim-signature", text: start };
  const signed = signedHeader(selectFields(fields, names), { own, form: "relaxed" });
  const octets = Uint8Array.from(signed, (character) => character.charCodeAt(0));
  const base64 = (await key.sign(octets)).toBase64();
  return `${start}${base64.replace(new RegExp(`.{${BASE64_LINE}}(?=.)`, "g"), "$&\r\n\t")}\r\n`;
}

function namesOf(fields: readonly RawField[]): string[] {
  const count = (name: string) => fields.filter((field) => field.name === name.toLowerCase()).length;
  const isPlain = (name: string) =>
    fields.every((field) => field.name !== name.toLowerCase() || !ODD.test(field.text));
  return [
    ...OVERSIGNED.flatMap((name) => new Array<string>(count(name) + 1).fill(name)),
    ...SIGNED.filter(isPlain).flatMap((name) => new Array<string>(count(name)).fill(name)),
  ];
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
