/** The options that commands share, and the configuration they lead to. */

import type { Command } from "commander";
import type { Config } from "../config/config.ts";
import type { ReadConfig } from "../config/load.ts";

/** `--config` and `--data-dir`. */
export interface ConfigOptions {
  /** Path of the configuration file. */
  config?: string;
  /** Instead of `dataDir` in the file. */
  dataDir?: string;
}

/** Read when it is there and no other is named. */
export const DEFAULT_FILE = "dinopost.jsonc";

/** Adds `--config`. */
export function withConfig(command: Command): Command {
  return command.option(
    "--config <file>",
    `configuration file (default: ./${DEFAULT_FILE} when it is there)`,
  );
}

/** Loads the configuration that the options name; `overrides` are values as in the file, `capture` turns that on. */
export async function loadFor(
  options: ConfigOptions,
  overrides: Record<string, unknown> = {},
  more: { capture?: boolean } = {},
): Promise<Config> {
  return (await readFor(options, overrides, more)).config;
}

/** The same, with what is to be said of a configuration that is legal. */
export async function readFor(
  options: ConfigOptions,
  overrides: Record<string, unknown> = {},
  { capture = false } = {},
): Promise<ReadConfig> {
  const { readConfig } = await import("../config/load.ts");
  const file = options.config ?? (await isFile(DEFAULT_FILE) ? DEFAULT_FILE : undefined);
  return await readConfig({
    ...(file === undefined ? {} : { file }),
    capture,
    overrides: { ...overrides, dataDir: options.dataDir },
  });
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch {
    return false;
  }
}
