/** The loading of the configuration from file, environment and command line. */

import { dirname, resolve } from "node:path";
import { messageOf } from "../base/errors.ts";
import { captureDefaults } from "./capture.ts";
import type { Config } from "./config.ts";
import { type Document, readDocument } from "./document.ts";
import { readEnvironment } from "./environment.ts";
import { ConfigError, type Origin, shown } from "./error.ts";
import { allPaths, namesAt, type Path, pathText, wantedAt } from "./keys.ts";
import { nearest } from "./nearest.ts";
import { resolveConfig } from "./resolve.ts";
import { schema } from "./schema.ts";
import { UNSUPPORTED } from "./unsupported.ts";

export { ConfigError } from "./error.ts";

/** Where a configuration comes from; what stands further down wins. */
export interface LoadOptions {
  /** Path of the file; absent: no file, or `text` is one without a name. */
  file?: string;
  /** What stands in the file, when it was read already. */
  text?: string;
  /** The environment; absent: the process's own. */
  env?: Record<string, string>;
  /** Capture mode is turned on, with what the other layers say of it. */
  capture?: boolean;
  /** Values in the form of the file, from the command line or from a program: `{ listen: { smtp: ["127.0.0.1:0"] } }`. */
  overrides?: Record<string, unknown>;
}

/** One value that is laid over the file's. */
interface Layer {
  path: Path;
  value: unknown;
  /** The environment variable; absent: an option of the command line or of the caller. */
  variable?: string;
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
 * @throws {ConfigError} with one line that says what is wrong, where, and what would be right.
 */
export async function loadConfig(options: LoadOptions = {}): Promise<Config> {
  const file = options.file === undefined ? undefined : resolve(options.file);
  const source = options.file ?? "configuration";
  const text = options.text ?? (options.file === undefined ? undefined : await readFile(options.file));
  const document = text === undefined ? undefined : await readDocument(text, source);
  const layers: Layer[] = [
    ...readEnvironment(options.env ?? Deno.env.toObject()),
    ...leaves(options.overrides ?? {}),
  ];
  const values = structuredClone(document?.values ?? {});
  for (const layer of layers) put(values, layer.path, layer.value);
  if (options.capture && !isCapture(values)) values["capture"] = true;
  if (isCapture(values)) {
    for (const [path, value] of captureDefaults({ hasFile: document !== undefined })) {
      if (valueAt(values, path) === undefined) put(values, path, value);
    }
  }

  const context: Context = { document, layers, source, values };
  const parsed = schema.safeParse(values);
  if (!parsed.success) throw describeIssues(parsed.error.issues, context);
  const { config, problems } = resolveConfig(parsed.data, {
    file,
    baseOf: (path) => file !== undefined && !layerAt(layers, path) ? dirname(file) : Deno.cwd(),
    machineName: () => Deno.hostname(),
    placeless: document === undefined && values["dataDir"] === undefined && values["kv"] == null,
  });
  const [problem] = problems.map((p) => ({ ...p, origin: originOf(p.path, context) })).sort(byLine);
  if (problem) throw new ConfigError(problem.origin, problem.text);
  const missing = UNSUPPORTED.find((feature) => feature.asked(config));
  if (missing) {
    const origin = originOf(missing.path, context);
    throw new ConfigError(origin, `not supported yet; what works is ${missing.instead}`);
  }
  return config;
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

/** What is needed to say where a value came from. */
interface Context {
  document: Document | undefined;
  layers: readonly Layer[];
  source: string;
  values: Record<string, unknown>;
}

/** The layer that gave the value at a path, or a part of it, if any did. */
function layerAt(layers: readonly Layer[], path: Path): Layer | undefined {
  return layers.findLast((layer) => {
    const length = Math.min(layer.path.length, path.length);
    return layer.path.slice(0, length).every((step, i) => step === path[i]);
  });
}

function originOf(path: Path, context: Context, ofKey = false): Origin {
  const layer = layerAt(context.layers, path);
  const key = pathText(path);
  if (layer?.variable !== undefined) return { source: "environment", key: layer.variable };
  if (layer) return { source: "option", key };
  if (!context.document) return { source: context.source, key };
  const line = ofKey ? context.document.lineOfKey(path) : context.document.lineOf(path);
  return { source: context.source, line, key };
}

function byLine(a: { origin: Origin }, b: { origin: Origin }): number {
  return (a.origin.line ?? 0) - (b.origin.line ?? 0);
}

/** The first of zod's issues, by line, as our own error. */
function describeIssues(
  issues: readonly { code?: string; path: PropertyKey[]; keys?: string[] }[],
  context: Context,
): ConfigError {
  // what is missing beside an unknown key is most likely that key, misspelt
  const misspelt = new Set(
    issues.filter((i) => i.code === "unrecognized_keys").map((i) => pathText(i.path as Path)),
  );
  const errors = issues.flatMap((issue) => {
    const path = issue.path as (string | number)[];
    const isMissing = issue.code !== "unrecognized_keys" && valueAt(context.values, path) === undefined;
    if (isMissing && misspelt.has(pathText(path.slice(0, -1)))) return [];
    if (issue.code === "unrecognized_keys") {
      return issue.keys!.map((key) => unknownKey([...path, key], context));
    }
    const want = wantedAt(path);
    const received = shown(valueAt(context.values, path), path);
    return [new ConfigError(originOf(path, context), `received ${received}, expected ${want}`)];
  });
  return errors.sort(byLine)[0]!;
}

function valueAt(values: unknown, path: Path): unknown {
  let at = values;
  for (const step of path) at = (at as Record<string | number, unknown> | undefined)?.[step];
  return at;
}

function unknownKey(path: Path, context: Context): ConfigError {
  const name = String(path.at(-1));
  const here = namesAt(path.slice(0, -1));
  const elsewhere = allPaths().filter((other) => other.at(-1) === name).map(pathText);
  const sibling = nearest(name, here);
  const meant = elsewhere[0] ??
    (sibling === undefined ? undefined : pathText([...path.slice(0, -1), sibling]));
  const hint = meant === undefined ? `; known here: ${here.join(", ")}` : `; did you mean ${meant}?`;
  return new ConfigError(originOf(path, context, true), `this key is not known${hint}`);
}
