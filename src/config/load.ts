/** The loading of the configuration from file, environment and command line. */

import { dirname, resolve } from "node:path";
import { messageOf } from "../base/errors.ts";
import { captureDefaults } from "./capture.ts";
import type { Config } from "./config.ts";
import { readDocument } from "./document.ts";
import { readEnvironment } from "./environment.ts";
import { readForeignEnvironment } from "./foreign_environment.ts";
import { ConfigError, located } from "./error.ts";
import {
  brokenPaths,
  byLine,
  type Context,
  describeIssues,
  layerAt,
  originOf,
  overlap,
  valueAt,
} from "./faults.ts";
import type { Path } from "./keys.ts";
import { resolveConfig } from "./resolve.ts";
import { type Parsed, schema } from "./schema.ts";
import { UNSUPPORTED } from "./unsupported.ts";
import { warningsOf } from "./warnings.ts";

export { ConfigError } from "./error.ts";

/** Where a configuration comes from; what stands further down wins. */
export interface LoadOptions {
  /** Path of the file; absent: no file, or `text` is one without a name. */
  file?: string;
  /** What stands in the file, when it was read already. */
  text?: string;
  /** The environment; absent: the process's own. */
  env?: Record<string, string>;
  /** Capture mode is turned on, with what the other layers and the variables of Mailpit and MailHog say of it. */
  capture?: boolean;
  /** Values in the form of the file, from the command line or from a program: `{ listen: { smtp: ["127.0.0.1:0"] } }`. */
  overrides?: Record<string, unknown>;
}

/** A configuration, and what is to be said of it. */
export interface ReadConfig {
  readonly config: Config;
  /** What is legal and harmful, or does nothing: a line each, in the order of the file. */
  readonly warnings: readonly string[];
  /** The line that says something of a key: file, line, key, text. */
  line(path: Path, text: string): string;
  /** The same error; one of the configuration that was found without its text says the line as all others do. */
  placed(error: unknown): unknown;
}

/**
 * Loads, checks and completes a configuration.
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * const config = await loadConfig({ text: '{ "queue": { "retry": "1m, 5m*2" } }', env: {} });
 * assertEquals(config.queue.retry, [60_000, 300_000, 300_000]);
 * ```
 *
 * @throws {ConfigError} with one line for each fault that says what is wrong, where, and what would be right.
 */
export async function loadConfig(options: LoadOptions = {}): Promise<Config> {
  return (await readConfig(options)).config;
}

/** The same, with what is to be said of a configuration that is legal. */
export async function readConfig(options: LoadOptions = {}): Promise<ReadConfig> {
  const file = options.file === undefined ? undefined : resolve(options.file);
  const source = options.file ?? "configuration";
  const text = options.text ?? (options.file === undefined ? undefined : await readFile(options.file));
  const document = text === undefined ? undefined : await readDocument(text, source);
  const env = options.env ?? Deno.env.toObject();
  const environment = readEnvironment(env);
  const foreign = options.capture ? readForeignEnvironment(env).settings : [];
  const layers = [...foreign, ...environment.settings, ...leaves(options.overrides ?? {})];
  const values = structuredClone(document?.values ?? {});
  for (const layer of layers) put(values, layer.path, layer.value);
  if (options.capture && !isCapture(values)) values["capture"] = true;
  if (isCapture(values)) {
    for (const [path, value] of captureDefaults({ hasFile: document !== undefined })) {
      const section = values[path[0]!];
      const fits = section === undefined || isObject(section);
      if (fits && valueAt(values, path) === undefined) put(values, path, value);
    }
  }

  const context: Context = { document, layers, source, values };
  const faults = [...environment.faults, ...document?.faults ?? []];
  const { parsed, broken } = parse(context, faults);
  const { config, problems } = resolveConfig(parsed, {
    file,
    baseOf: (path) => file !== undefined && !layerAt(layers, path) ? dirname(file) : Deno.cwd(),
    machineName: () => Deno.hostname(),
    placeless: document === undefined && values["dataDir"] === undefined && values["kv"] == null,
  });
  const missing = UNSUPPORTED.filter((feature) => feature.asked(parsed)).map(({ path, instead }) => ({
    path,
    text: `not supported yet; what works is ${instead}`,
  }));
  for (const { path, text } of [...problems, ...missing]) {
    if (!comesOf(path, broken)) faults.push(new ConfigError(originOf(path, context), text));
  }
  if (faults.length > 0) throw ConfigError.of(faults.sort(byLine));
  const isGiven = (path: Path) => valueAt(values, path) !== undefined;
  const warnings = warningsOf(config, isGiven)
    .map(({ path, text }) => ({ text, origin: originOf(path, context) }))
    .sort(byLine).map(({ text, origin }) => located(origin, text));
  return {
    config,
    warnings,
    line: (path, text) => located(originOf(path, context), text),
    placed: (error) => placed(error, context),
  };
}

function placed(error: unknown, context: Context): unknown {
  if (!(error instanceof ConfigError) || !error.origin.path) return error;
  return new ConfigError(originOf(error.origin.path, context), error.problem);
}

/** Reads the values; those that can't be read are faults, and the rest goes on without them to find more. */
function parse(context: Context, faults: ConfigError[]): { parsed: Parsed; broken: Path[] } {
  const first = schema.safeParse(context.values);
  if (first.success) return { parsed: first.data, broken: [] };
  faults.push(...describeIssues(first.error.issues, context));
  const broken = brokenPaths(first.error.issues);
  const rest = structuredClone(context.values);
  for (const path of broken) cut(rest, path);
  let second = schema.safeParse(rest);
  for (let tries = 0; !second.success; tries++) {
    if (tries > 1) throw ConfigError.of(faults.sort(byLine));
    // what lacks something goes as a whole
    const sections = brokenPaths(second.error.issues).map((path) => path.slice(0, 1));
    broken.push(...sections);
    for (const path of sections) cut(rest, path);
    second = schema.safeParse(rest);
  }
  return { parsed: second.data, broken };
}

const NAMED_BY_DOMAIN: ReadonlySet<unknown> = new Set(["accounts", "aliases", "catchAll"]);

/** May what is wrong at that path come of what was cut out? */
function comesOf(path: Path, broken: readonly Path[]): boolean {
  return broken.some((one) =>
    overlap(one, path) ||
    (NAMED_BY_DOMAIN.has(path[0]) && (one[0] === "domains" || one[0] === "hostname"))
  );
}

function isCapture({ capture }: Record<string, unknown>): boolean {
  return capture !== undefined && capture !== false;
}

async function readFile(file: string): Promise<string> {
  try {
    return await Deno.readTextFile(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw new ConfigError({ source: file }, "there is no such file");
    }
    if (error instanceof Deno.errors.IsADirectory) {
      throw new ConfigError({ source: file }, "this is a directory, expected a file");
    }
    throw new ConfigError(
      { source: file },
      `can't be read: ${messageOf(error)}`,
    );
  }
}

/** The values of a nested object that are no objects themselves. */
function leaves(values: Record<string, unknown>, path: Path = []): { path: Path; value: unknown }[] {
  return Object.entries(values).flatMap(([name, value]) => {
    if (value === undefined) return [];
    return isObject(value) && Object.keys(value).length > 0
      ? leaves(value, [...path, name])
      : [{ path: [...path, name], value }];
  });
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function put(values: Record<string, unknown>, path: Path, value: unknown): void {
  let at = values;
  for (const step of path.slice(0, -1)) {
    const next = Object.hasOwn(at, step) ? at[step] : undefined;
    if (isObject(next)) at = next;
    else at = at[step] = {};
  }
  at[path.at(-1)!] = value;
}

function cut(values: Record<string, unknown>, path: Path): void {
  const around = valueAt(values, path.slice(0, -1));
  if (isObject(around)) delete around[path.at(-1)!];
}
