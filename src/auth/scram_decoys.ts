/** The decoys that SCRAM shows for names without an account; the same name gets the same one, after a restart too. */

import type { Random } from "../base/random.ts";
import * as keys from "../storage/keys.ts";
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
    const secret = this.#secret ??= await this.#loadSecret();
    const iterations = this.#iterations;
    return await decoyVerifier(name, { secret, ...(iterations === undefined ? {} : { iterations }) });
  }

  async #loadSecret(): Promise<Uint8Array<ArrayBuffer>> {
    const key = keys.secret("scram-decoy");
    for (;;) {
      const { value, versionstamp } = await this.#store.kv.get<Uint8Array<ArrayBuffer>>(key);
      if (value) return value;
      const made = this.#random.bytes(32);
      await this.#store.write({
        checks: [{ key, versionstamp }],
        mutations: [{ type: "set", key, value: made }],
        size: 100,
      });
    }
  }
}
