/** What is kept of a certificate authority in the data directory: our account's key, the certificate and its key. */

import { join } from "node:path";
import process from "node:process";
import type { TlsMaterial } from "../wire/tls.ts";
import { AccountKey } from "./account_key.ts";

/** The files of one authority; another one has others. */
export class AcmeFiles {
  /** Chain and key in one PEM file. */
  readonly certificate: string;
  readonly #folder: string;

  /** In `dataDir`, for the authority of that directory's URL. */
  constructor(dataDir: string, directory: string) {
    const { createHash } = process.getBuiltinModule("node:crypto");
    const digest = createHash("sha256").update(directory).digest("hex").slice(0, 8);
    this.#folder = join(dataDir, "acme", `${new URL(directory).hostname.replaceAll(":", "-")}-${digest}`);
    this.certificate = join(this.#folder, "certificate.pem");
  }

  /** The account's key, which is made when there is none. */
  async accountKey(): Promise<AccountKey> {
    const path = join(this.#folder, "account.key");
    try {
      return await AccountKey.import(Uint8Array.fromBase64(await Deno.readTextFile(path)));
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw new Error(`${path} holds no key`, { cause: error });
    }
    const key = await AccountKey.make();
    await this.#write(path, `${(await key.export()).toBase64()}\n`);
    return key;
  }

  /** The certificate that was got last; undefined: none yet. */
  async read(): Promise<TlsMaterial | undefined> {
    try {
      const text = await Deno.readTextFile(this.certificate);
      return { cert: text, key: text };
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  }

  /** Puts another one in its place, at once. */
  async keep({ cert, key }: TlsMaterial): Promise<void> {
    await this.#write(this.certificate, `${cert.trimEnd()}\n${key}`);
  }

  async #write(path: string, text: string): Promise<void> {
    await Deno.mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const draft = `${path}.new`;
    await Deno.remove(draft).catch(() => {}); // a left-over may have wider rights, which writing would keep
    await Deno.writeTextFile(draft, text, { mode: 0o600, createNew: true });
    await Deno.rename(draft, path);
  }
}
