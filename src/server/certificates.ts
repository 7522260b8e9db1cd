/** In charge of the server's certificate: read from files, read again when they change, or made for itself. */

import { join } from "node:path";
import { type Clock, sleep } from "../base/clock.ts";
import type { CertificateConfig, Config } from "../config/config.ts";
import { ConfigError } from "../config/error.ts";
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
    if (!isGiven(config)) await makeUnlessGood(options);
    const minVersion = config.tls?.minVersion ?? "TLSv1.2";
    const files = filesOf(config);
    // The stamps first: what changes while the files are read is seen as a change afterwards.
    const stamps = await stampsOf(files).catch(() => "");
    const { own, sni } = await readAll(files, config.file);
    return new Certificates(serverTls(own, { minVersion, sni, clock }), stamps, options);
  }

  /** Reads the files again. When one is no good, all the old certificates stay, and the log says why. */
  async reload(): Promise<void> {
    const { config, journal } = this.#options;
    const files = filesOf(config);
    try {
      this.#stamps = await stampsOf(files);
      const { own, sni } = await readAll(files, config.file);
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
    if (!isGiven(config) && this.tls.daysLeft < RENEW_DAYS) await make(files.own, this.#options);
    const stamps = await stampsOf(files).catch(() => this.#stamps);
    if (stamps !== this.#stamps) await this.reload();
  }
}

/**
 * Reads the configured certificates as a start does, and makes none.
 * @throws {ConfigError} when one can't be used.
 */
export async function checkCertificates(config: Config): Promise<void> {
  const { own, sni } = filesOf(config);
  if (isGiven(config)) await read(own, { source: config.file, key: "tls" });
  await readNamed(sni, config.file);
}

type Files = CertificateConfig;

/** The files of all certificates. */
interface AllFiles {
  readonly own: Files;
  readonly sni: Readonly<Record<string, Files>>;
}

/** Does the configuration name the server's own certificate? */
function isGiven({ tls }: Config): boolean {
  return tls?.cert !== undefined;
}

function filesOf({ tls, dataDir }: Config): AllFiles {
  const made = { cert: join(dataDir, "tls-cert.pem"), key: join(dataDir, "tls-key.pem") };
  const { cert = made.cert, key = made.key, sni = {} } = tls ?? {};
  return { own: { cert, key }, sni };
}

async function readAll({ own, sni }: AllFiles, source: string | undefined) {
  return { own: await read(own, { source, key: "tls" }), sni: await readNamed(sni, source) };
}

async function readNamed(sni: AllFiles["sni"], source: string | undefined) {
  const named: Record<string, TlsMaterial> = {};
  for (const [name, files] of Object.entries(sni)) {
    named[name] = await read(files, { source, key: `tls.sni[${JSON.stringify(name)}]` });
  }
  return named;
}

/** Throws a {@linkcode ConfigError} that names the files when they can't be used together. */
async function read(files: Files, at: { source: string | undefined; key: string }): Promise<TlsMaterial> {
  const origin = { source: at.source ?? "configuration", key: at.key };
  try {
    const [cert, key] = await Promise.all([Deno.readTextFile(files.cert), Deno.readTextFile(files.key)]);
    serverTls({ cert, key });
    return { cert, key };
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new ConfigError(
      origin,
      `received the certificate ${files.cert} and the key ${files.key}, which can't be used (${reason}); ` +
        "expected PEM files of a certificate and of its key",
    );
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
    const material = await read(own, { source: undefined, key: "tls" });
    if (serverTls(material, { clock: options.clock }).daysLeft >= RENEW_DAYS) return;
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
