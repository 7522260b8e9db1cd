/** The server's certificate: read from files, read again when they change, or made for itself. */

import { messageOf } from "../base/errors.ts";
import { join } from "node:path";
import { type Clock, sleep, systemClock } from "../base/clock.ts";
import { AcmeFiles } from "../acme/files.ts";
import type { CertificateConfig, Config } from "../config/config.ts";
import { ConfigError } from "../config/error.ts";
import { type Path, pathText } from "../config/keys.ts";
import type { Health } from "../observe/health.ts";
import type { Journal } from "../observe/journal.ts";
import { type ServerTls, serverTls, type TlsMaterial } from "../wire/tls.ts";
import { tryCertificate } from "../wire/tls_trial.ts";
import { isGoodFor, namesOf, selfSigned } from "./own_certificate.ts";

/** What certificates need of their surroundings. */
export interface CertificatesOptions {
  readonly config: Config;
  readonly clock: Clock;
  readonly journal: Journal;
  /** Called for a certificate that ends soon, or can't be used. */
  readonly health?: Pick<Health, "raise" | "clear">;
}

/** Files are looked at this often. */
const WATCH_EVERY_MS = 60_000;

/** The server's certificates, as they are now. */
export class Certificates {
  readonly #options: CertificatesOptions;
  #stamps: string;
  /** What is wrong with the files as they are now. */
  #fault: string | undefined;
  /** Why the certificate authority gives no other one. */
  #refusal: string | undefined;
  #announced = false;

  private constructor(readonly tls: ServerTls, stamps: string, options: CertificatesOptions) {
    this.#options = options;
    this.#stamps = stamps;
  }

  /** Reads the configured certificates, or the one in the data directory, which is made when it is not there. */
  static async open(options: CertificatesOptions): Promise<Certificates> {
    const { config, clock } = options;
    await makeUnlessGood(options);
    const minVersion = config.tls?.minVersion ?? "TLSv1.2";
    const files = await filesOf(config);
    // The stamps first: what changes while the files are read is seen as a change afterwards.
    const stamps = await stampsOf(files).catch(() => "");
    const { own, sni } = await readAll(files, config);
    return new Certificates(serverTls(own, { minVersion, sni, clock }), stamps, options);
  }

  /** Reads the files again. When one is no good, all the old certificates stay; log and health say why. */
  async reload(): Promise<void> {
    const { config, journal } = this.#options;
    try {
      const files = await filesOf(config);
      this.#stamps = await stampsOf(files);
      const { own, sni } = await readAll(files, config);
      this.tls.reload(own, sni);
      this.#fault = undefined;
      journal.note("INFO", "certificate loaded", { cert: files.own.cert, daysLeft: this.tls.daysLeft });
    } catch (error) {
      this.#fault = "The TLS certificate has changed and can't be used, the old one stays: see the log";
      journal.note("ERROR", "certificate not loaded, the old one stays", { error: String(error) });
    }
    this.#notify();
  }

  /** What the certificate authority said instead of giving another certificate; undefined: nothing is wrong there. */
  set refusal(text: string | undefined) {
    this.#refusal = text;
    this.#notify();
  }

  /** Looks after the files until the signal: changed ones are loaded, ours is renewed before its end. */
  async watch(signal: AbortSignal): Promise<void> {
    const { clock, journal } = this.#options;
    while (!signal.aborted) {
      this.#notify();
      await sleep(clock, WATCH_EVERY_MS, signal);
      if (signal.aborted) return;
      try {
        await this.look();
      } catch (error) {
        journal.note("ERROR", "certificate not renewed", { error: String(error) });
      }
    }
  }

  #notify(): void {
    const { health, journal } = this.#options;
    const { daysLeft } = this.tls;
    // where an authority renews it, it does so just then
    const expiresSoon = this.tls.expiresSoon && !this.#options.config.tls?.acme;
    if (expiresSoon && !this.#announced) journal.note("WARN", "certificate expires soon", { daysLeft });
    this.#announced = expiresSoon;
    const problem = this.#fault ?? this.#refusal ?? (expiresSoon ? endOf(daysLeft) : undefined);
    if (problem === undefined) health?.clear("certificate");
    else health?.raise("certificate", problem);
  }

  /** One look: renews ours when its end is near, loads what has changed. A file that is away for now is no change. */
  async look(): Promise<void> {
    const { config } = this.#options;
    await makeUnlessGood(this.#options);
    const files = await filesOf(config);
    const stamps = await stampsOf(files).catch(() => this.#stamps);
    if (stamps !== this.#stamps) await this.reload();
  }
}

function endOf(daysLeft: number): string {
  if (daysLeft < 0) return "The TLS certificate has ended: clients that check it can't log in";
  return daysLeft === 0
    ? "The TLS certificate ends within a day"
    : `The TLS certificate ends in ${daysLeft} ${daysLeft === 1 ? "day" : "days"}`;
}

/**
 * Reads and tries the configured certificates as a start does, and makes none; says in a sentence what is used.
 * @throws {ConfigError} when one can't be used.
 */
export async function checkCertificates(config: Config, clock: Clock = systemClock): Promise<string> {
  const { own, sni } = await filesOf(config);
  const given = isGiven(config) ? await readConfigured(own, config, ["tls"]) : undefined;
  const named = await readNamed(sni, config);
  if (config.tls?.acme) {
    return `Its TLS certificate is got from ${new URL(config.tls.acme.directory).hostname}.`;
  }
  if (!given) return "Its TLS certificate is one that it makes for itself.";
  return `${endOf(serverTls(given, { sni: named, clock }).daysLeft)}.`;
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

/** The configured one, else the one that an authority gave, else the one made here. */
async function filesOf(config: Config): Promise<AllFiles> {
  const { cert, key, sni = {} } = config.tls ?? {};
  if (cert !== undefined && key !== undefined) return { own: { cert, key }, sni };
  return { own: await filesOfAuthority(config) ?? madeFiles(config), sni };
}

async function filesOfAuthority({ tls, dataDir }: Config): Promise<Files | undefined> {
  if (!tls?.acme) return undefined;
  const { certificate } = new AcmeFiles(dataDir, tls.acme.directory);
  const files = { cert: certificate, key: certificate };
  try {
    serverTls(await read(files)); // a damaged one is got anew
    return files;
  } catch {
    return undefined;
  }
}

function madeFiles({ dataDir }: Config): Files {
  return { cert: join(dataDir, "tls-cert.pem"), key: join(dataDir, "tls-key.pem") };
}

async function readAll({ own, sni }: AllFiles, config: Config) {
  return {
    own: isGiven(config) ? await readConfigured(own, config, ["tls"]) : await read(own),
    sni: await readNamed(sni, config),
  };
}

async function readNamed(sni: AllFiles["sni"], config: Config) {
  const named: Record<string, TlsMaterial> = {};
  for (const [name, files] of Object.entries(sni)) {
    named[name] = await readConfigured(files, config, ["tls", "sni", name]);
  }
  return named;
}

/** Throws a {@linkcode ConfigError} that names the files when they can't be used together; a handshake shows it. */
async function readConfigured(files: Files, { file, tls }: Config, path: Path): Promise<TlsMaterial> {
  try {
    const material = await read(files);
    await tryCertificate(material, { minVersion: tls!.minVersion });
    return material;
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
    const reason = messageOf(error);
    const [what, expected] = files.cert === files.key
      ? [`the file ${files.cert}`, "a PEM file of a certificate and its key"]
      : [
        `the certificate ${files.cert} and the key ${files.key}`,
        "PEM files of a certificate and of its key",
      ];
    throw new ConfigError(
      { source: file ?? "configuration", key: pathText(path), path },
      `received ${what}, which can't be used (${reason}); expected ${expected}`,
    );
  }
}

async function read(files: Files): Promise<TlsMaterial> {
  const [cert, key] = await Promise.all([readText(files.cert), readText(files.key)]);
  return { cert, key };
}

async function readText(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) throw new Error(`there is no file ${path}`);
    if (error instanceof Deno.errors.PermissionDenied) {
      throw new Error(`${path} may not be read by this user`);
    }
    if (error instanceof Deno.errors.IsADirectory) throw new Error(`${path} is a folder`);
    throw error;
  }
}

/** Changes when a file does. */
async function stampsOf({ own, sni }: AllFiles): Promise<string> {
  const paths = [own, ...Object.values(sni)].flatMap(({ cert, key }) => [cert, key]);
  const stats = await Promise.all(paths.map((path) => Deno.stat(path)));
  return stats.map((s) => `${s.mtime?.getTime()}/${s.size}/${s.ino}`).join(" ");
}

/** Makes a certificate where nobody gave one and there is none, or none that is good for all names and for long enough. */
async function makeUnlessGood(options: CertificatesOptions): Promise<void> {
  const { config, clock } = options;
  if (isGiven(config) || await filesOfAuthority(config)) return;
  const own = madeFiles(config);
  try {
    const material = await read(own);
    const isFresh = !serverTls(material, { clock }).expiresSoon;
    if (isFresh && isGoodFor(material.cert, namesOf(config))) return;
  } catch {
    // Not there yet, or damaged: made anew.
  }
  await make(own, options);
}

async function make(files: Files, { config, clock }: CertificatesOptions): Promise<void> {
  const { cert, key } = await selfSigned(namesOf(config), clock.now());
  await Deno.writeTextFile(`${files.key}.new`, key, { mode: 0o600 });
  await Deno.writeTextFile(`${files.cert}.new`, cert);
  await Deno.rename(`${files.key}.new`, files.key);
  await Deno.rename(`${files.cert}.new`, files.cert);
}
