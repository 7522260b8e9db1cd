/** The check of one signature over header and body, by the key that its signer publishes (RFC 6376 6.1). */

import { equalInConstantTime } from "../base/bytes.ts";
import type { Resolver } from "../dns/resolver.ts";
import type { BodyHasher } from "./dkim_body.ts";
import { type RawField, selectFields, signedHeader } from "./dkim_header.ts";
import { findKeys, isSignedBy, type PublicKey } from "./dkim_key.ts";
import { type DkimResult, type Refusal, refusal } from "./dkim_result.ts";
import type { Signature } from "./dkim_signature.ts";

/** Each canonical body but an empty one ends with CRLF, which shows nobody anything. */
const LINE_END = 2;

/** What a signature came to. */
export type Checked = Pick<DkimResult, "result" | "reason" | "keyBits" | "testing">;

/** Checks a signature: its key is asked for at once, and its hash of the body made while that streams by. */
export class SignatureCheck {
  readonly #signature: Signature;
  readonly #header: string;
  readonly #hasher: BodyHasher;
  readonly #keys: Promise<readonly PublicKey[] | Refusal>;

  /** `fields`: all of the message's. */
  constructor(
    signature: Signature,
    fields: readonly RawField[],
    by: { readonly resolver: Pick<Resolver, "txt">; readonly hasher: BodyHasher },
  ) {
    const { names, field, headerForm, bodyForm, limit } = signature;
    this.#signature = signature;
    this.#header = signedHeader(selectFields(fields, names, field), { own: field, form: headerForm });
    this.#hasher = by.hasher;
    this.#hasher.want(bodyForm, limit);
    this.#keys = findKeys(signature, by.resolver);
  }

  /** The result, when the body is complete. Never rejects. */
  async result(): Promise<Checked> {
    const keys = await this.#keys;
    if ("result" in keys) return keys;
    const { identityDomain, domain } = this.#signature;
    const usable = keys.filter(({ strict }) => !strict || identityDomain === domain);
    const one = usable[0];
    if (!one) return refusal("permerror", "the key is for i= of its own domain alone");
    const { bodyForm, limit, bodyHash } = this.#signature;
    const { digest, size } = this.#hasher.hash(bodyForm, limit);
    if (limit !== undefined && limit > size) return of(one, refusal("fail", "the body is shorter than l="));
    if (!equalInConstantTime(digest, bodyHash)) return of(one, refusal("fail", "the body was changed"));
    const right = usable.find((key) => isSignedBy(key, { header: this.#header, ...this.#signature }));
    if (!right) return of(one, refusal("fail", "the signature does not fit"));
    // who adds to what was signed may show people anything (RFC 6376 8.2)
    if (limit !== undefined && limit < size - LINE_END) {
      return of(right, refusal("policy", `${size - limit} octets of the body are not signed`));
    }
    return of(right, { result: "pass" });
  }
}

function of({ bits, testing }: PublicKey, checked: Checked): Checked {
  return { ...checked, keyBits: bits, ...(testing && { testing }) };
}
