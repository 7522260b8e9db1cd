/** The verifier of a message's DKIM signatures, each for itself, while the message streams by (RFC 6376 6; RFC 8601 2.7.1). */

import type { Clock } from "../base/clock.ts";
import type { Resolver } from "../dns/resolver.ts";
import type { BodyHasher } from "./dkim_body.ts";
import { SignatureCheck } from "./dkim_check.ts";
import type { RawField } from "./dkim_header.ts";
import { type DkimResult, refusal } from "./dkim_result.ts";
import { readSignature } from "./dkim_signature.ts";

/** What a verifier works with. */
export interface DkimVerifierOptions {
  readonly resolver: Pick<Resolver, "txt">;
  readonly clock: Clock;
  /** Hashes the body, for others too. */
  readonly hasher: BodyHasher;
}

/** Whoever puts more signatures on a message wants us to be busy; the first ones count, which were put on last. */
const MAX_SIGNATURES = 16;

/** Verifies the DKIM signatures of one message: made when its header section is there, which starts the look-ups. */
export class DkimVerifier {
  readonly #checks: (() => Promise<DkimResult>)[];

  constructor(fields: readonly RawField[], options: DkimVerifierOptions) {
    const signatures = fields.filter(({ name }) => name === "dkim-signature");
    const now = options.clock.now();
    // that there are too many is told once: the results go into a field
    this.#checks = signatures.slice(0, MAX_SIGNATURES + 1).map((field, i) => {
      const { named, signature } = readSignature(field, now);
      if ("result" in signature) return () => Promise.resolve({ ...named, ...signature });
      if (i >= MAX_SIGNATURES) {
        return () => Promise.resolve({ ...named, ...refusal("policy", "too many signatures") });
      }
      const check = new SignatureCheck(signature, fields, options);
      return async () => ({ ...named, ...await check.result() });
    });
  }

  /** One result for each signature that counts, in the order of the fields, when the hasher has the whole body. Never rejects. */
  results(): Promise<DkimResult[]> {
    return Promise.all(this.#checks.map((check) => check()));
  }
}
