/** Aliases and lists: names that stand for other addresses. */

import { encode } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { localKey, parseMailbox, splitMailbox } from "../mail/address.ts";
import type { Mailbox } from "../mail/envelope.ts";
import * as keys from "../storage/keys.ts";
import type { Store } from "../storage/store.ts";
import { Table } from "../storage/table.ts";

/** What a name stands for. */
export interface Alias {
  /** The name. */
  readonly address: Mailbox;
  /** Whom it stands for, local and remote; at least one. Other aliases among them are followed by the router. */
  readonly targets: readonly Mailbox[];
  /** Set for a list: who hears of failures, as the envelope's sender. */
  readonly owner?: Mailbox;
}

/** What changes of an alias, whatever others change of it at the same time. */
export interface AliasChange {
  /** Whom it stands for besides. */
  readonly add?: readonly Mailbox[] | undefined;
  /** Whom it stands for no more; who is not among its targets does not matter. */
  readonly remove?: readonly Mailbox[] | undefined;
  /** Who hears of failures from now on; null: it is no list any more. */
  readonly owner?: Mailbox | null | undefined;
}

/** More targets than that are refused. */
export const MAX_TARGETS = 1000;
/** So many octets of them fit one record. */
export const MAX_TARGET_OCTETS = 58_000;

/** More targets than one alias has, or longer ones. */
export function areTooMany(targets: readonly Mailbox[]): boolean {
  // kept with one byte a character, or with two
  const octets = targets.reduce((sum, target) => sum + 4 + Math.max(target.length, encode(target).length), 0);
  return targets.length > MAX_TARGETS || octets > MAX_TARGET_OCTETS;
}

/** An alias, and where it comes from. */
export interface ListedAlias extends Alias {
  /** From the configuration, or made at run time. */
  readonly source: "config" | "store";
}

/**
 * The aliases of this server: those of the configuration, and over them those that were made at run time.
 * {@linkcode load} comes first.
 */
export class Aliases {
  readonly #table: Table<Alias>;
  readonly #domains: readonly string[];
  #configured = new Map<string, Alias>();
  /** How often the configuration was taken. */
  #configurations = 0;

  /** `domains` are those delivered here; `configured` are the aliases of the configuration, by address. */
  constructor(
    store: Store,
    options: {
      clock: Clock;
      domains: readonly string[];
      configured?: Readonly<Record<Mailbox, readonly Mailbox[]>>;
    },
  ) {
    this.#domains = options.domains;
    const tableKeys = { key: keys.alias, all: keys.aliases, version: keys.aliasesVersion };
    this.#table = new Table(store, { keys: tableKeys, clock: options.clock });
    this.configure(options.configured ?? {});
  }

  /** Reads all aliases; again after SIGHUP. */
  load(): Promise<void> {
    return this.#table.load();
  }

  /** On a shared store: hears of what other servers change within a second or two, until {@linkcode close}. */
  follow(onError: (error: unknown) => void): void {
    this.#table.follow(onError);
  }

  /** Follows no more; to be done before the store is closed. */
  close(): Promise<void> {
    return this.#table.close();
  }

  /** Takes the aliases of the configuration, in place of those it had before. */
  configure(aliases: Readonly<Record<Mailbox, readonly Mailbox[]>>): void {
    const configured = new Map<string, Alias>();
    for (const [address, targets] of Object.entries(aliases)) {
      configured.set(localKey(address), { address, targets });
    }
    this.#configured = configured;
    this.#configurations++;
  }

  /**
   * What a name stands for, undefined when it is no alias. One with an alias beside it that is called `owner-NAME` is
   * a list, and that one is its owner, as mail servers have had it for long: so a configuration can have lists too.
   */
  get(address: Mailbox): Alias | undefined {
    const key = localKey(address);
    const alias = this.#exact(key);
    if (!alias || alias.owner !== undefined) return alias;
    const owner = `owner-${key}`;
    return this.#exact(owner) ? { ...alias, owner } : alias;
  }

  #exact(key: string): Alias | undefined {
    return this.#table.get(key) ?? this.#configured.get(key);
  }

  /** Another number after each change. */
  get revision(): number {
    return this.#table.revision + this.#configurations;
  }

  /** Makes an alias, or replaces the one of that name. */
  async put(alias: Alias): Promise<Alias> {
    const { address, targets, owner } = alias;
    const made = aliasOf(address, this.#distinct(targets), owner);
    await this.#table.change(localKey(address), () => made);
    return made;
  }

  /**
   * Changes an alias and answers it; one that is missing is made by what is added. "ended": no target was left, so it
   * is gone. "configured": the same, but the configuration would bring its targets back, so all stays as it is.
   */
  async edit(
    address: Mailbox,
    change: AliasChange,
  ): Promise<Alias | "ended" | "configured" | "unknown" | "tooMany"> {
    const key = localKey(address);
    const { add = [], remove = [] } = change;
    const leaving = new Set(remove.map((target) => this.#identity(target)));
    let came: Alias | "ended" | "configured" | "unknown" | "tooMany" = "unknown";
    await this.#table.change(key, (stored) => {
      const old = stored ?? this.#configured.get(key);
      const staying = old?.targets.filter((target) => !leaving.has(this.#identity(target))) ?? [];
      const targets = this.#distinct([...staying, ...add]);
      if (targets.length === 0) {
        came = !old ? "unknown" : this.#configured.has(key) ? "configured" : "ended";
        return came === "ended" ? undefined : stored;
      }
      if (areTooMany(targets)) {
        came = "tooMany";
        return stored;
      }
      const owner = change.owner === undefined ? old?.owner : change.owner ?? undefined;
      return came = aliasOf(old?.address ?? address, targets, owner);
    });
    return came;
  }

  /** Each target once. */
  #distinct(targets: readonly Mailbox[]): Mailbox[] {
    const each = new Map<string, Mailbox>();
    for (const target of targets) {
      const identity = this.#identity(target);
      if (!each.has(identity)) each.set(identity, target);
    }
    return [...each.values()];
  }

  /** Who a target is: the local parts of others are theirs, and their case may matter (RFC 5321 2.4). */
  #identity(target: Mailbox): string {
    const mailbox = parseMailbox(target) ?? target;
    return this.#domains.includes(splitMailbox(mailbox).domain) ? localKey(mailbox) : mailbox;
  }

  /** Takes an alias away. "configured": the configuration has it, and it stays. */
  async remove(address: Mailbox): Promise<"removed" | "configured" | "unknown"> {
    const key = localKey(address);
    let was = false;
    await this.#table.change(key, (old) => {
      was = old !== undefined;
      return undefined;
    });
    if (was) return "removed";
    return this.#configured.has(key) ? "configured" : "unknown";
  }

  /** All aliases, by address. */
  async list(): Promise<ListedAlias[]> {
    const all = new Map<string, ListedAlias>();
    for (const [key, alias] of this.#configured) all.set(key, { ...alias, source: "config" });
    for (const alias of await this.#table.list()) {
      all.set(localKey(alias.address), { ...alias, source: "store" });
    }
    return [...all.keys()].sort().map((key) => all.get(key)!);
  }
}

function aliasOf(address: Mailbox, targets: readonly Mailbox[], owner: Mailbox | undefined): Alias {
  return { address, targets, ...(owner === undefined ? {} : { owner }) };
}
