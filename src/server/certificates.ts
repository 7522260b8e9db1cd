/** In charge of the server's certificate: read from files, read again when they change, or made for itself. */

import { join } from "node:path";
import { type Clock, sleep } from "../base/clock.ts";
import type { CertificateConfig, Config } from "../config/config.ts";
import type { Journal } from "../observe/journal.ts";
import { type ServerTls, serverTls, type TlsMaterial } from "../wire/tls.ts";

/** What certificates need of their surroundings. */
export interface CertificatesOptions {
  readonly config: Config;
  readonly clock: Clock;
  readonly journal: Journal;
}

/** Files are looked at this often. */
const WATCH_EVERY_MS = 60_000;
/** A certificate made here lives a year and is made anew a month before its end. */
const LIFE_DAYS = 365;
const RENEW_DAYS = 30;
const DAY_MS = 24 * 3600_000;

/** The server's certificates, as they are now. */
export class Certificates {
  readonly #options: CertificatesOptions;
  #stamps: string;

  private constructor(readonly tls: ServerTls, stamps: string, options: CertificatesOptions) {
    this.#options = options;
    this.#stamps = stamps;
  }

  /** Reads the configured certificates, or the one in the data directory, which is made when it is not there. */
  static async open(options: CertificatesOptions): Promise<Certificates> {
    const { config, clock } = options;
    if (!config.tls) await makeUnlessGood(options);
    const minVersion = config.tls?.minVersion ?? "TLSv1.2";
    const files = filesOf(config);
    // The stamps first: what changes while the files are read is seen as a change afterwards.
    const stamps = await stampsOf(files).catch(() => "");
    const { own, sni } = await readAll(files);
    return new Certificates(serverTls(own, { minVersion, sni, clock }), stamps, options);
  }

  /** Reads the files again. When one is no good, all the old certificates stay, and the log says why. */
  async reload(): Promise<void> {
    const { config, journal } = this.#options;
    const files = filesOf(config);
    try {
      this.#stamps = await stampsOf(files);
      const { own, sni } = await readAll(files);
      this.tls.reload(own, sni);
      journal.note("INFO", "certificate loaded", { cert: files.own.cert, daysLeft: this.tls.daysLeft });
    } catch (error) {
      journal.note("ERROR", "certificate not loaded, the old one stays", { error: String(error) });
    }
  }

  /** Looks after the files until the signal: changed ones are loaded, ours is renewed before its end. */
  async watch(signal: AbortSignal): Promise<void> {
    const { clock, journal } = this.#options;
    let announced = false;
    while (!signal.aborted) {
      await sleep(clock, WATCH_EVERY_MS, signal);
      if (signal.aborted) return;
      try {
        await this.look();
      } catch (error) {
        journal.note("ERROR", "certificate not renewed", { error: String(error) });
      }
      const { daysLeft } = this.tls;
      if (daysLeft < RENEW_DAYS / 2 && !announced) {
        journal.note("WARN", "certificate expires soon", { daysLeft });
      }
      announced = daysLeft < RENEW_DAYS / 2;
    }
  }

  /** One look: renews ours when its end is near, loads what has changed. A file that is away for now is no change. */
  async look(): Promise<void> {
    const { config } = this.#options;
    const files = filesOf(config);
    if (config.tls === null && this.tls.daysLeft < RENEW_DAYS) await make(files.own, this.#options);
    const stamps = await stampsOf(files).catch(() => this.#stamps);
    if (stamps !== this.#stamps) await this.reload();
  }
}

/** A certificate that can't be used: which files, and why. */
export class CertificateError extends Error {
  override readonly name = "CertificateError";

  constructor(files: Files, error: unknown) {
    super(
      `tls: ${files.cert} and ${files.key} can't be used: ${
        error instanceof Error ? error.message : String(error)
      }`,
    );
  }
}

type Files = CertificateConfig;

/** The files of all certificates. */
interface AllFiles {
  readonly own: Files;
  readonly sni: Readonly<Record<string, Files>>;
}

function filesOf({ tls, dataDir }: Config): AllFiles {
  if (tls) return { own: tls, sni: tls.sni };
  return { own: { cert: join(dataDir, "tls-cert.pem"), key: join(dataDir, "tls-key.pem") }, sni: {} };
}

async function readAll(
  { own, sni }: AllFiles,
): Promise<{ own: TlsMaterial; sni: Record<string, TlsMaterial> }> {
  const named = Object.entries(sni).map(async ([name, files]) => [name, await read(files)] as const);
  return { own: await read(own), sni: Object.fromEntries(await Promise.all(named)) };
}

/** Throws a {@linkcode CertificateError} that names the files when they can't be used together. */
async function read(files: Files): Promise<TlsMaterial> {
  try {
    const [cert, key] = await Promise.all([Deno.readTextFile(files.cert), Deno.readTextFile(files.key)]);
    serverTls({ cert, key });
    return { cert, key };
  } catch (error) {
    throw new CertificateError(files, error);
  }
}

/** Changes when a file does. */
async function stampsOf({ own, sni }: AllFiles): Promise<string> {
  const paths = [own, ...Object.values(sni)].flatMap(({ cert, key }) => [cert, key]);
  const stats = await Promise.all(paths.map((path) => Deno.stat(path)));
  return stats.map((s) => `${s.mtime?.getTime()}/${s.size}/${s.ino}`).join(" ");
}

async function makeUnlessGood(options: CertificatesOptions): Promise<void> {
  const { own } = filesOf(options.config);
  try {
    if (serverTls(await read(own), { clock: options.clock }).daysLeft >= RENEW_DAYS) return;
  } catch {
    // Not there yet, or damaged: made anew.
  }
  await make(own, options);
}

async function make(files: Files, { config, clock }: CertificatesOptions): Promise<void> {
  const { cert, key } = await selfSigned(config.hostname, clock.now());
  await Deno.writeTextFile(`${files.key}.new`, key, { mode: 0o600 });
  await Deno.writeTextFile(`${files.cert}.new`, cert);
  await Deno.rename(`${files.key}.new`, files.key);
  await Deno.rename(`${files.cert}.new`, files.cert);
}

/** Makes a certificate (P-256) that vouches for itself, for a host name and for loopback. */
export async function selfSigned(hostname: string, now: number): Promise<TlsMaterial> {
  // Only the first start needs it, and it takes longer to load than everything else together.
  const { generate } = await import("selfsigned");
  const made = await generate([{ name: "commonName", value: hostname }], {
    keyType: "ec",
    curve: "P-256",
    algorithm: "sha256",
    // An hour of grace for clocks that are behind.
    notBeforeDate: new Date(now - 3600_000),
    notAfterDate: new Date(now + LIFE_DAYS * DAY_MS),
    extensions: [{
      name: "subjectAltName",
      altNames: [...new Set([hostname, "localhost"])].map((value) => ({ type: 2 as const, value })),
    }],
  });
  return { cert: made.cert, key: made.private };
}
