/**
 * The settings from environment variables.
 *
 * A key's variable is `DINOPOST_` and its path in upper snake case: `dataDir` is `DINOPOST_DATA_DIR`, `admin.token`
 * is `DINOPOST_ADMIN_TOKEN`, `queue.warnAfter` is `DINOPOST_QUEUE_WARN_AFTER`. Lists are separated by commas
 * (`DINOPOST_LISTEN_SMTP="127.0.0.1:2525, [::1]:2525"`), flags are `true` or `false`, durations that are bare
 * numbers are milliseconds, an empty text is an empty list, and for keys that may be null it means null, as `null`
 * does. What is a table (accounts, aliases, catchAll, outbound.domains, webhooks) stands in the file only.
 */

import { ConfigError } from "./error.ts";
import { type EnvironmentKey, environmentKeys, namesAt, variableName } from "./keys.ts";
import { nearest } from "./nearest.ts";

/** A value that an environment variable gives. */
export interface Setting {
  /** The variable's name. */
  variable: string;
  /** The key it belongs to. */
  path: string[];
  /** The value as it would stand in the file. */
  value: unknown;
}

/** What Kubernetes sets in every container when a service is called "dinopost"; not meant for us. */
const SERVICE_LINK = /^DINOPOST_(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT_\d+_(?:TCP|UDP|SCTP)(?:_\w+)?)$/;

/** Reads the settings; a variable that begins with `DINOPOST_` and means nothing is a fault. */
export function readEnvironment(
  env: Readonly<Record<string, string>>,
): { settings: Setting[]; faults: ConfigError[] } {
  const faults: ConfigError[] = [];
  const given = Object.keys(env).filter((name) => name.startsWith("DINOPOST_")).sort();
  if (given.length === 0) return { settings: [], faults };
  const keys = new Map(environmentKeys().map((key) => [key.variable, key]));
  const settings: Setting[] = [];
  for (const variable of given) {
    const text = env[variable]!;
    const key = keys.get(variable);
    if (key) settings.push({ variable, path: key.path, value: toValue(key, text) });
    else if (!isServiceLink(variable, text)) faults.push(unknownVariable(variable, keys.keys()));
  }
  return { settings, faults };
}

function isServiceLink(variable: string, text: string): boolean {
  return SERVICE_LINK.test(variable) || (variable === "DINOPOST_PORT" && /^(?:tcp|udp|sctp):\/\//.test(text));
}

function unknownVariable(variable: string, known: Iterable<string>): ConfigError {
  const origin = { source: "environment", key: variable };
  const table = namesAt([]).find((name) => variable === variableName([name]));
  if (table) {
    return new ConfigError(origin, `"${table}" can't be given in one variable; put it into the file`);
  }
  const meant = nearest(variable, known);
  return new ConfigError(origin, "this variable is not known" + (meant ? `; did you mean ${meant}?` : ""));
}

function toValue(key: EnvironmentKey, text: string): unknown {
  const trimmed = text.trim();
  if (key.nullable && (trimmed === "" || trimmed === "null")) return null;
  if (key.kind === "list") return trimmed === "" ? [] : trimmed.split(",").map((part) => part.trim());
  if (key.kind.endsWith("number") && /^-?\d+$/.test(trimmed)) return Number(trimmed);
  if (key.kind === "flag" && /^(?:true|false)$/i.test(trimmed)) return trimmed.toLowerCase() === "true";
  return key.path.at(-1) === "password" ? text : trimmed;
}
