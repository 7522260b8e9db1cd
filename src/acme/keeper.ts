/** The keeper of the certificate that an authority gives: gets it, and gets another one in time, for ever. */

import { type Clock, sleep } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import { formatDuration } from "../base/units.ts";
import type { Random } from "../base/random.ts";
import type { Journal } from "../observe/journal.ts";
import { AcmeClient, type RenewalWindow } from "./acme_client.ts";
import type { AccountKey } from "./account_key.ts";
import { type CertificateFacts, certificateFacts, certificateId } from "./certificates.ts";
import type { AcmeFiles } from "./files.ts";
import { obtainCertificate, UnprovenNames } from "./order.ts";
import type { ProofMethod, Proofs } from "./proofs.ts";

/** What it works with. */
export interface CertificateKeeperOptions {
  readonly files: AcmeFiles;
  readonly directory: string;
  readonly email?: string | undefined;
  /** The first one is what the certificate is for; it is done without the others when they can't be proved. */
  readonly names: readonly [string, ...string[]];
  readonly proofs: Proofs;
  readonly methods: readonly ProofMethod[];
  readonly clock: Clock;
  readonly random: Random;
  readonly journal: Journal;
  /** Called when there is another certificate to be used. */
  onCertificate(): Promise<void>;
  /** Called with what goes on to be wrong, in a sentence without a full stop; undefined: all is well. */
  onFault(text: string | undefined): void;
  /** Default: the platform's. */
  readonly fetch?: typeof fetch | undefined;
}

/** Between two failures; the last one repeats. Authorities count failures, some bear five an hour. */
const PAUSES_MS = [10_000, 60_000, 5 * 60_000, 15 * 60_000, 3600_000];
/** So many failures in a row are more than a moment's. */
const FAULT = 3;
/** Names that were done without are tried again then. */
const NAMES_AGAIN_MS = 6 * 3600_000;
/** A look at least so often: clocks are set, and files taken away. */
const LOOK_MS = 3600_000;
/** A third of its life is left. */
const SHARE_LEFT = 1 / 3;

/** A certificate as it is kept. */
interface Current extends CertificateFacts {
  readonly chain: string;
}

/** Keeps one certificate. */
export class CertificateKeeper {
  readonly #options: CertificateKeeperOptions;
  /** Names the certificate lacks, and when they are tried again. */
  #lacking: { readonly names: ReadonlySet<string>; readonly at: number } | undefined;
  /** What the authority said of which certificate, and the instant in its window. */
  #advice: { readonly chain: string; readonly at: number; readonly againAt: number } | undefined;

  /** Does nothing yet. */
  constructor(options: CertificateKeeperOptions) {
    this.#options = options;
  }

  /** Works until the signal. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, journal, directory, onFault } = this.#options;
    let session: { key: AccountKey; client: AcmeClient } | undefined;
    for (let failures = 0; !signal.aborted;) {
      try {
        session ??= await this.#open(signal);
        const waitMs = await this.#look(session, signal);
        failures = 0;
        onFault(undefined);
        await sleep(clock, waitMs, signal);
      } catch (error) {
        if (signal.aborted) return;
        const pauseMs = PAUSES_MS[Math.min(failures++, PAUSES_MS.length - 1)]!;
        const why = messageOf(error);
        journal.note("ERROR", "no new certificate", {
          directory,
          error: why,
          again: formatDuration(pauseMs),
        });
        if (failures >= FAULT) onFault(`${new URL(directory).hostname} gives no new TLS certificate: ${why}`);
        await sleep(clock, pauseMs, signal);
      }
    }
  }

  async #open(signal: AbortSignal) {
    const { files, directory, email, clock, fetch } = this.#options;
    const key = await files.accountKey();
    return { key, client: new AcmeClient({ directory, key, email, clock, signal, fetch }) };
  }

  /** Gets another certificate when it is time; answers for how long there is nothing to do. */
  async #look(session: { key: AccountKey; client: AcmeClient }, signal: AbortSignal): Promise<number> {
    const { clock } = this.#options;
    let current = await this.#read();
    if (!current || clock.now() >= await this.#dueAt(current, session.client)) {
      await this.#renew(current, session);
      signal.throwIfAborted();
      current = (await this.#read())!;
    }
    const waitMs = await this.#dueAt(current, session.client) - clock.now();
    const adviceMs = (this.#advice?.againAt ?? Infinity) - clock.now();
    return Math.max(1000, Math.min(waitMs, adviceMs, LOOK_MS));
  }

  async #read(): Promise<Current | undefined> {
    try {
      const kept = await this.#options.files.read();
      return kept && { ...certificateFacts(kept.cert), chain: kept.cert };
    } catch {
      return undefined; // damaged: another one mends it
    }
  }

  /** When another one is to be got: a third of its life before its end, or when the authority says so, or for its names. */
  async #dueAt(current: Current, client: AcmeClient): Promise<number> {
    const { names } = this.#options;
    const lacks = names.filter((name) => !current.names.includes(name));
    const atEnd = current.to - (current.to - current.from) * SHARE_LEFT;
    const advised = await this.#advised(current, client);
    if (lacks.length === 0) return Math.min(atEnd, advised);
    const knows = lacks.every((name) => this.#lacking?.names.has(name));
    return knows ? Math.min(atEnd, advised, this.#lacking!.at) : -Infinity;
  }

  /** The instant that the authority advises (RFC 9773 4.2); Infinity: it does not. */
  async #advised({ chain, from }: Current, client: AcmeClient): Promise<number> {
    const { clock, random, journal } = this.#options;
    const now = clock.now();
    if (this.#advice?.chain === chain && now < this.#advice.againAt) return this.#advice.at;
    let window: RenewalWindow | undefined;
    try {
      const id = await certificateId(chain);
      window = id === undefined ? undefined : await client.renewalWindow(id);
    } catch (error) {
      journal.note("DEBUG", "the authority gives no advice on renewal", { error: messageOf(error) });
    }
    const at = window ? instantIn(window, from, random) : Infinity;
    this.#advice = { chain, at, againAt: now + (window?.againMs ?? LOOK_MS) };
    return at;
  }

  async #renew(
    current: Current | undefined,
    { key, client }: { key: AccountKey; client: AcmeClient },
  ): Promise<void> {
    const { names, clock, journal, directory, files, onCertificate } = this.#options;
    const proving = { ...this.#options, key, client };
    const replaces = current && await certificateId(current.chain);
    let got = [...names];
    try {
      await files.keep(await obtainCertificate({ names, replaces }, proving));
      this.#lacking = undefined;
    } catch (error) {
      if (!(error instanceof UnprovenNames) || error.names.has(names[0])) throw error;
      got = names.filter((name) => !error.names.has(name));
      journal.note("WARN", "names left out of the certificate", { directory, error: error.message });
      this.#lacking = { names: new Set(error.names.keys()), at: clock.now() + NAMES_AGAIN_MS };
      const isGood = current && got.every((name) => current.names.includes(name)) &&
        clock.now() < await this.#dueAt(current, client);
      if (isGood) return;
      await files.keep(await obtainCertificate({ names: got, replaces }, proving));
    }
    journal.note("INFO", "certificate received", { directory, names: got.join(" ") });
    await onCertificate();
  }
}

/**
 * Some instant in the window (RFC 9773 4.2). One that began before the certificate did would have it replaced at once, and
 * the next one too; one that was over by then means just that.
 */
function instantIn({ start, end }: RenewalWindow, from: number, random: Random): number {
  const first = end > from ? Math.max(start, from) : start;
  return first + random.float() * (end - first);
}
