/** The decoys that SCRAM shows for names without an account; the same name gets the same one, after a restart too. */

import type { Random } from "../base/random.ts";
import { loadSecret } from "../storage/secret.ts";
import type { Store } from "../storage/store.ts";
import { decoyVerifier, type ScramVerifier } from "./scram.ts";

/** Makes decoys by a secret that is kept in the store. */
export class ScramDecoys {
  readonly #store: Store;
  readonly #random: Random;
  readonly #iterations: number | undefined;
  #secret: Uint8Array<ArrayBuffer> | undefined;

  constructor(store: Store, options: { random: Random; iterations: number | undefined }) {
    this.#store = store;
    this.#random = options.random;
    this.#iterations = options.iterations;
  }

  /** A verifier for that name that nothing fits. */
  async of(name: string): Promise<ScramVerifier> {
    const secret = this.#secret ??= await loadSecret("scram-decoy", this.#store, this.#random);
    const iterations = this.#iterations;
    return await decoyVerifier(name, { secret, ...(iterations === undefined ? {} : { iterations }) });
  }
}
