/**
 * The settings of Mailpit (`MP_…`) and MailHog (`MH_…`) that mean something to a server that captures: who takes it in
 * their place need not change how it is started.
 */

import { ConfigError } from "./error.ts";
import type { Setting } from "./environment.ts";

/** What their variables say. */
export interface ForeignSettings {
  /** As values of our own keys. */
  readonly settings: readonly Setting[];
  /** The names of those that mean nothing here. */
  readonly ignored: readonly string[];
}

/** How a variable's text becomes the value of a key; undefined: it says nothing. */
type Reading = readonly [path: readonly string[], read: (text: string) => unknown];

const asText = (text: string) => text === "" ? undefined : text;
/** `:1025` is every address there. */
const asAddress = (text: string) =>
  text === "" ? undefined : [text.startsWith(":") ? `0.0.0.0${text}` : text];
/** No limit is 0 there. */
const asCount = (text: string) => /^[1-9]\d*$/.test(text) ? Number(text) : undefined;
/** As Go reads it; what is none says nothing. */
const asFlag = (text: string) => /^(?:1|t|true)$/i.test(text) ? true : undefined;
const asAge = (text: string) => text === "" || text === "0" ? undefined : text;
/** Their database stays as it is; ours is in a directory beside it. */
const asDirectory = (text: string) => text === "" ? undefined : text.replace(/\.\w+$/, "") + ".dinopost";

const READINGS: Readonly<Record<string, Reading>> = {
  MP_SMTP_BIND_ADDR: [["listen", "smtp"], asAddress],
  MP_UI_BIND_ADDR: [["listen", "admin"], asAddress],
  MP_POP3_BIND_ADDR: [["listen", "pop3"], asAddress],
  MP_MAX_MESSAGES: [["capture", "messages"], asCount],
  MP_MAX_AGE: [["capture", "age"], asAge],
  MP_ALLOW_INTERNAL_HTTP_REQUESTS: [["outbound", "allowPrivate"], asFlag],
  MP_DATABASE: [["dataDir"], asDirectory],
  MP_DB_FILE: [["dataDir"], asDirectory],
  MP_SMTP_TLS_CERT: [["tls", "cert"], asText],
  MP_SMTP_TLS_KEY: [["tls", "key"], asText],
  MH_SMTP_BIND_ADDR: [["listen", "smtp"], asAddress],
  MH_API_BIND_ADDR: [["listen", "admin"], asAddress],
  MH_UI_BIND_ADDR: [["listen", "admin"], asAddress],
  MH_HOSTNAME: [["hostname"], asText],
};

/** What they ask for is so in any case: every login is right. */
const SO_ANYWAY = new Set([
  "MP_SMTP_AUTH_ACCEPT_ANY",
  "MP_SMTP_AUTH_ALLOW_INSECURE",
  "MP_SMTP_AUTH_FILE",
  "MP_SMTP_AUTH",
  "MP_POP3_AUTH_FILE",
  "MP_POP3_AUTH",
]);

/** Who may look: nobody must think that it is asked for when it is not. */
const GUARDS = new Set(["MP_UI_AUTH_FILE", "MH_AUTH_FILE"]);

/** Reads them. Throws a {@linkcode ConfigError} for passwords that can't be asked for here. */
export function readForeignEnvironment(env: Readonly<Record<string, string>>): ForeignSettings {
  const settings: Setting[] = [];
  const ignored: string[] = [];
  for (const variable of Object.keys(env).filter((name) => /^M[PH]_[A-Z]/.test(name)).sort()) {
    const text = env[variable]!.trim();
    if (GUARDS.has(variable) && text !== "") {
      const want = "expected DINOPOST_ADMIN_TOKEN, which is taken as the password of Basic too";
      throw new ConfigError({ source: "environment", key: variable }, `received a file of hashes, ${want}`);
    }
    if (variable === "MP_UI_AUTH" && text !== "") {
      const token = text.split(/\s+/)[0]!.replace(/^[^:]*:/, "");
      settings.push({ variable, path: ["admin", "token"], value: token });
      continue;
    }
    const reading = READINGS[variable];
    const value = reading?.[1](text);
    if (reading && value !== undefined) settings.push({ variable, path: [...reading[0]], value });
    else if (!reading && !SO_ANYWAY.has(variable) && !GUARDS.has(variable)) ignored.push(variable);
  }
  return { settings, ignored };
}
