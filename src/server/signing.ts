/** The signing of outgoing mail by the keys of the data directory; what signs is loaded with the first message. */

import { join } from "node:path";
import { SigningKeys } from "../authentication/dkim_keys.ts";
import type { Signed, SizedContent } from "../authentication/dkim_outgoing.ts";
import type { DkimSigner } from "../authentication/dkim_signer.ts";
import type { Clock } from "../base/clock.ts";
import type { Config } from "../config/config.ts";
import type { Resolver } from "../dns/resolver.ts";
import type { Journal } from "../observe/journal.ts";
import type { MessageSigner } from "../queue/signatures.ts";
import type { MailServerOptions, Surroundings } from "./options.ts";

/** Signs by the keys that are there. */
export class Signing implements MessageSigner {
  readonly #clock: Clock;
  readonly #keys: SigningKeys;
  readonly #resolver: Resolver;
  #signer: DkimSigner | undefined;

  constructor(
    dataDir: string,
    { clock, journal, resolver }: { clock: Clock; journal: Journal; resolver: Resolver },
  ) {
    this.#clock = clock;
    this.#resolver = resolver;
    this.#keys = new SigningKeys(
      dataDir,
      (problem) =>
        journal.note("ERROR", "a DKIM key can't be read: mail goes without its signature", { problem }),
    );
  }

  /** Reads the keys, again after SIGHUP. Never rejects. */
  load(): Promise<void> {
    return this.#keys.load();
  }

  async sign(content: SizedContent, domain: string): Promise<Signed | undefined> {
    const keys = this.#keys.of(domain);
    if (keys.length === 0) return undefined;
    const { DkimSigner } = await import("../authentication/dkim_signer.ts");
    const { publishedKeys } = await import("../authentication/published_keys.ts");
    this.#signer ??= new DkimSigner(this.#clock);
    return await this.#signer.sign(content, await publishedKeys(keys, this.#resolver));
  }
}

/** What signs a server's mail: nothing where there are no files to have keys in, or where mail is captured. Never rejects. */
export async function openSigning(
  { config, clock, journal, resolver }: Surroundings & { resolver: Resolver },
  { inMemory, withoutFiles }: MailServerOptions,
): Promise<Signing | undefined> {
  if (!config.dkim.sign || config.capture || inMemory || withoutFiles) return undefined;
  const signing = new Signing(config.dataDir, { clock, journal, resolver });
  await signing.load();
  return signing;
}

/** What a server would sign, in a sentence; `onError` hears of each key that can't be read. */
export async function describeSigning(
  { dkim, dataDir }: Config,
  onError: (problem: string) => void,
): Promise<string> {
  if (!dkim.sign) return "Outgoing mail is not signed, as dkim.sign says.";
  const keys = new SigningKeys(dataDir, onError);
  await keys.load();
  const domains = [...keys.all].map(([domain, all]) =>
    `${domain} (${all.map(({ selector }) => selector).join(", ")})`
  );
  if (domains.length > 0) return `Outgoing mail of ${domains.sort().join(", ")} is signed.`;
  const where = join(dataDir, "dkim");
  return `Outgoing mail is not signed: there are no keys in ${where}; dinopost init makes them.`;
}
