/** The verifier of ARC chains: whether those who handled a message vouch for what it was (RFC 8617 5.2). */

import { type ArcSet, readChain } from "./arc_chain.ts";
import { type Checked, SignatureCheck } from "./dkim_check.ts";
import { type RawField, signedHeader } from "./dkim_header.ts";
import { findKeys, isSignedBy } from "./dkim_key.ts";
import { refusal } from "./dkim_result.ts";
import { keyTags, namedIn, signatureOf } from "./dkim_signature.ts";
import type { DkimVerifierOptions } from "./dkim_verifier.ts";

/** What a chain came to, in the words of RFC 8617 4.4. */
export interface ArcResult {
  readonly result: "none" | "pass" | "fail";
  /** Why it failed, in a few words without quotes. */
  readonly reason?: string;
  /** It failed since the DNS could not be asked: another time it may pass. */
  readonly temporary?: true;
  /** The domains of the seals, the last one first; of a pass alone. */
  readonly sealers?: readonly string[];
}

/** Verifies the chain of one message: made when its header section is there, which starts the first look-ups. */
export class ArcVerifier {
  readonly #options: DkimVerifierOptions;
  readonly #now: number;
  readonly #chain: readonly ArcSet[] | string;
  /** Of the last ARC-Message-Signature, and the last seal. */
  readonly #last: readonly (() => Promise<Checked>)[] = [];

  constructor(fields: readonly RawField[], options: DkimVerifierOptions) {
    this.#options = options;
    this.#now = options.clock.now();
    this.#chain = readChain(fields);
    const last = typeof this.#chain === "string" ? undefined : this.#chain.at(-1);
    if (last) this.#last = [this.#message(last, fields), this.#seal(this.#chain.length)];
  }

  /** The result, when the hasher has the whole body. Never rejects. */
  async result(): Promise<ArcResult> {
    const chain = this.#chain;
    if (typeof chain === "string") return { result: "fail", reason: chain };
    if (chain.length === 0) return { result: "none" };
    // the other keys are asked for only where the last hop is what it says
    const failed = await firstFailure(this.#last) ??
      await firstFailure(chain.slice(1).map((_, i) => this.#seal(chain.length - 1 - i)));
    if (failed) return failed;
    return { result: "pass", sealers: chain.map(({ sealTags }) => namedIn(sealTags).domain!).reverse() };
  }

  /** The check of the last ARC-Message-Signature; the ones before may be broken by then. */
  #message({ message, messageTags }: ArcSet, fields: readonly RawField[]): () => Promise<Checked> {
    const signature = signatureOf(message, messageTags, this.#now);
    if ("result" in signature) return () => Promise.resolve(signature);
    if (signature.names.some((name) => name.toLowerCase() === "arc-seal")) {
      return () => Promise.resolve(refusal("permerror", "h= names ARC-Seal"));
    }
    const check = new SignatureCheck(
      { ...signature, identityDomain: signature.domain },
      fields,
      this.#options,
    );
    return () => check.result();
  }

  /** The check of the seal of the n-th set, which covers all sets up to its own (RFC 8617 5.1.1). */
  #seal(n: number): () => Promise<Checked> {
    const sets = (this.#chain as readonly ArcSet[]).slice(0, n);
    const { seal, sealTags } = sets.at(-1)!;
    const tags = keyTags(sealTags, this.#now);
    if ("result" in tags) return () => Promise.resolve(tags);
    const covered = sets.flatMap(({ results, message, seal }) => [results, message, seal]).slice(0, -1);
    const header = signedHeader(covered, { own: seal, form: "relaxed" });
    const finding = findKeys(tags, this.#options.resolver);
    return async () => {
      const keys = await finding;
      if ("result" in keys) return keys;
      const isRight = keys.some((key) => isSignedBy(key, { header, ...tags }));
      return isRight ? { result: "pass" } : refusal("fail", "the seal does not fit");
    };
  }
}

async function firstFailure(checks: readonly (() => Promise<Checked>)[]): Promise<ArcResult | undefined> {
  const all = await Promise.all(checks.map((check) => check()));
  const failed = all.find(({ result }) => result !== "pass");
  if (!failed) return undefined;
  return {
    result: "fail",
    ...(failed.reason !== undefined && { reason: failed.reason }),
    ...(failed.result === "temperror" && { temporary: true }),
  };
}
