/** The audit log: who changed what by API, page or command line, kept in the store for a time. */

import type { Clock } from "../base/clock.ts";
import type { Random } from "../base/random.ts";
import type { Journal } from "../observe/journal.ts";
import { expiring } from "../storage/expiry.ts";
import * as keys from "../storage/keys.ts";
import type { Store } from "../storage/store.ts";
import { pathWithin } from "./roles.ts";

/** A change. */
export interface AuditEntry {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Who: a name of `admin.users`, `admin`, or the address of who changed it on the own page. */
  readonly user: string;
  /** What was done, such as `queue.retry` or `accounts.create`. */
  readonly action: string;
  /** With what: an address, an id, a filter; empty where there is no choice. */
  readonly target: string;
}

/** A change, as it was asked for. */
export interface AuditedCall {
  readonly method: string;
  /** The page's, or the API's with `/api/v1` before it. */
  readonly path: string;
  /** What was said beside the path: JSON, or the fields of a form. */
  readonly body?: unknown;
}

/** Entries are kept so long. */
const KEEP_MS = 90 * 24 * 3600_000;
const MAX_TARGET = 500;

const VERBS: Readonly<Record<string, string>> = {
  POST: "create",
  PUT: "set",
  PATCH: "update",
  DELETE: "delete",
};
/** Mail that is handed in, and whoever comes and goes, change nothing of the server's. */
const NOT_AUDITED: ReadonlySet<string> = new Set(["session", "login", "logout", "send"]);
/** What belongs to one thing and is many. */
const WITHIN: ReadonlySet<string> = new Set(["app-passwords", "folders", "messages"]);

/** The log on a store. */
export class AuditLog {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #journal: Journal;
  readonly #random: Random;
  #last = { at: 0, n: 0 };

  constructor(options: { store: Store; clock: Clock; journal: Journal; random: Random }) {
    this.#random = options.random;
    this.#store = options.store;
    this.#clock = options.clock;
    this.#journal = options.journal;
  }

  /** Writes that a call was made. The call is done: what fails here is only noted. */
  async record(user: string, call: AuditedCall): Promise<void> {
    const facts = factsOf(call);
    if (!facts) return;
    const at = this.#clock.now();
    const entry: AuditEntry = { at, user, ...facts };
    this.#journal.note("INFO", "audit", { user, ...facts });
    this.#last = { at, n: this.#last.at === at ? this.#last.n + 1 : 0 };
    // servers that share a store don't share the number
    const name = `${String(this.#last.n).padStart(6, "0")}-${this.#random.bytes(4).toHex()}`;
    try {
      await this.#store.write({
        mutations: expiring(keys.audit(at, name), entry, at + KEEP_MS),
        size: 300 + 3 * (entry.target.length + user.length),
      });
    } catch (error) {
      this.#journal.note("ERROR", "audit entry lost", { user, ...facts, error: String(error) });
    }
  }

  /** Entries from the newest on, at most `limit`, those before `before`, a cursor. */
  async list(
    { limit, before }: { limit: number; before?: string | undefined },
  ): Promise<{ items: AuditEntry[]; cursor: string | null }> {
    const items: AuditEntry[] = [];
    let cursor: string | null = null;
    let last = "";
    const over = this.#clock.now() - KEEP_MS;
    const entries = this.#store.kv.list<AuditEntry>(keys.auditBefore(cursorOf(before)), {
      reverse: true,
      limit: limit + 1,
    });
    for await (const { key, value } of entries) {
      if (value.at <= over) break;
      if (items.length === limit) {
        cursor = last;
        break;
      }
      items.push(value);
      last = `${key[1] as number}.${key[2] as string}`;
    }
    return { items, cursor };
  }
}

/** The form of a cursor of the log. */
export const AUDIT_CURSOR = /^(\d{1,16})\.([\w-]{1,40})$/;

/** The place that a cursor names; undefined for what is none, which the caller refuses. */
export function cursorOf(text: string | undefined): readonly [number, string] | undefined {
  const [, at, name] = AUDIT_CURSOR.exec(text ?? "") ?? [];
  return at === undefined || name === undefined ? undefined : [Number(at), name];
}

/** The words of a call; undefined for what is no change of the server's. */
export function factsOf(
  { method, path, body }: AuditedCall,
): { readonly action: string; readonly target: string } | undefined {
  const words = pathWithin(path);
  const [first, second, third, fourth] = words;
  if (first === undefined || NOT_AUDITED.has(first)) return undefined;
  const said = typeof body === "object" && body !== null && !Array.isArray(body)
    ? body as Record<string, unknown>
    : {};
  if (said["dryRun"] === true) return undefined;
  // handing in mail is no administration; its history tells of it
  if (first === "messages" && method === "POST" && second === undefined) return undefined;
  const word = text(said["action"]) ?? text(said["do"]);
  if (third !== undefined && WITHIN.has(third)) {
    const verb = fourth !== undefined && method === "POST" ? words[4] ?? word ?? "update" : VERBS[method]!;
    const inner = fourth ?? text(said["name"]);
    return facts(`${third}.${verb}`, inner === undefined ? second! : `${second} ${inner}`);
  }
  if (first === "webhooks" && second === "dead" && third !== undefined) {
    return facts(`${first}.${fourth ?? VERBS[method]!}`, third);
  }
  // the page's list, where nothing else is done to many
  if (first === "captured" && second === undefined) return facts("captured.delete", chosen(said));
  if (method !== "POST") {
    return facts(`${first}.${VERBS[method] ?? method.toLowerCase()}`, rest(second, said));
  }
  if (third !== undefined) return facts(`${first}.${third}`, second!);
  const isMany = second === "actions" || second === "act";
  if (isMany || (second !== undefined && word !== undefined)) {
    const which = chosen(said);
    return facts(`${first}.${word ?? second}`, isMany ? which : `${second} ${which}`.trimEnd());
  }
  if (second !== undefined && !/[@.\d]/.test(second)) {
    return facts(`${first}.${second}`, rest(undefined, said));
  }
  return facts(`${first}.${word ?? (second === undefined ? "create" : "update")}`, rest(second, said));
}

function facts(words: string, target: string) {
  const action = words.replace(/\.remove$/, ".delete");
  return { action, target: target.length > MAX_TARGET ? `${target.slice(0, MAX_TARGET)}…` : target };
}

function rest(named: string | undefined, said: Record<string, unknown>): string {
  return named ?? text(said["address"]) ?? text(said["domain"]) ?? text(said["name"]) ?? text(said["url"]) ??
    text(said["of"]) ?? chosen(said);
}

/** Which of many: their ids, a filter, all. */
function chosen({ ids, IDs, id, uid, filter, all }: Record<string, unknown>): string {
  const named = ids ?? IDs ?? id ?? uid;
  if (Array.isArray(named) && named.length > 0) return named.map(String).join(" ");
  if (typeof named === "string") return named;
  if (typeof filter === "object" && filter !== null) return JSON.stringify(filter);
  return all === true || all === "1" ? "all" : "";
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
