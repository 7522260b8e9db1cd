/** In charge of opening everything a server is made of, in order, and of closing it again. */

import { join } from "node:path";
import { type Clock, systemClock } from "../base/clock.ts";
import { IdMaker } from "../base/ids.ts";
import { type Random, systemRandom } from "../base/random.ts";
import type { Config } from "../config/config.ts";
import { type Resolver, SystemResolver } from "../dns/resolver.ts";
import { Destinations } from "../intake/destinations.ts";
import { Networks } from "../intake/networks.ts";
import { Policy } from "../intake/policy.ts";
import { Accounts } from "../mailbox/accounts.ts";
import { Aliases } from "../mailbox/aliases.ts";
import { LoginGuard } from "../mailbox/login_guard.ts";
import { MailStore } from "../mailbox/mail_store.ts";
import { Journal } from "../observe/journal.ts";
import type { DeliveryQueue } from "../queue/delivery_queue.ts";
import { Router } from "../routing/router.ts";
import { type DataDirLock, lockDataDir } from "../storage/data_dir.ts";
import { openStore, type Store } from "../storage/store.ts";
import { makeQueue } from "./outbound.ts";

/** What a server can be given in place of the real thing: time, chance, names, the store. */
export interface MailServerOptions {
  /** Default: the system's. */
  readonly clock?: Clock;
  /** Default: the system's. */
  readonly random?: Random;
  /** Default: one on `Deno.resolveDns`, as `dns` in the configuration says. */
  readonly resolver?: Resolver;
  /** Default: one that writes log lines. */
  readonly journal?: Journal;
  /** True: the store lives in memory, and the data directory is not touched. */
  readonly inMemory?: boolean;
  /** Told each line of each conversation with another server, with the message's id. */
  readonly trace?: (id: string, line: string) => void;
}

/** A session tells VERB's watchers how deliveries go for at most this long. */
const VERBOSE_MS = 60_000;

/** Time, chance and the journal: what everything is given. */
export interface Surroundings {
  readonly config: Config;
  readonly clock: Clock;
  readonly random: Random;
  readonly journal: Journal;
}

/** Who has which name here. */
interface Names {
  readonly accounts: Accounts;
  readonly aliases: Aliases;
  readonly router: Router;
}

/** Everything that is opened before a server can be. */
export interface Parts extends Surroundings, Names {
  readonly lock: DataDirLock | undefined;
  readonly store: Store;
  readonly resolver: Resolver;
  readonly guard: LoginGuard;
  readonly mailStore: MailStore;
  readonly queue: DeliveryQueue;
  readonly destinations: Destinations;
  readonly policy: Policy;
  readonly ids: IdMaker;
}

/** Opens it all; throws, with everything closed again, when something can't be. */
export async function openParts(config: Config, options: MailServerOptions): Promise<Parts> {
  const { clock = systemClock, random = systemRandom, journal = new Journal() } = options;
  const around = { config, clock, random, journal };
  const lock = options.inMemory ? undefined : await lockDataDir(config.dataDir);
  let store: Store | undefined;
  try {
    store = await openStore({
      location: options.inMemory ? ":memory:" : join(config.dataDir, "dinopost.db"),
      clock,
      onTrouble: (what, error) => journal.note("WARN", what, { error: String(error) }),
    });
    return { ...furnish(store, { around, options, names: await openNames(store, around) }), lock };
  } catch (error) {
    await store?.close();
    lock?.release();
    throw error;
  }
}

/** Closes it all. */
export async function closeParts(parts: Parts): Promise<void> {
  parts.resolver.close();
  await parts.store.close();
  parts.lock?.release();
}

async function openNames(store: Store, { config, clock, random }: Surroundings): Promise<Names> {
  const { domains, catchAll, subaddressSeparator } = config;
  const accounts = new Accounts(store, { clock, random, domains });
  const aliases = new Aliases(store, { clock, configured: config.aliases });
  await Promise.all([accounts.load(), aliases.load()]);
  const directory = {
    hasAccount: (address: string) => accounts.has(address) === true,
    firstAccount: () => accounts.first()?.address,
    alias: (address: string) => atOnce(aliases.get(address)),
  };
  return { accounts, aliases, router: new Router({ directory, domains, catchAll, subaddressSeparator }) };
}

function furnish(
  store: Store,
  by: { around: Surroundings; options: MailServerOptions; names: Names },
): Omit<Parts, "lock"> {
  const { around, options, names } = by;
  const { config, clock, random } = around;
  const resolver = options.resolver ?? systemResolver(around);
  const mailStore = new MailStore(store, { clock, random });
  const guard = new LoginGuard({ clock });
  const ids = new IdMaker(clock, random);
  const base = { ...around, ...names, store, resolver, mailStore, ids };
  const queue = makeQueue({ ...base, trace: options.trace });
  const destinations = new Destinations({ ...names, mailStore, clock });
  const { vrfy, expn, verb } = config;
  const policy = new Policy({
    ...base,
    guard,
    queue,
    destinations,
    hostname: config.hostname,
    maxHops: config.limits.hops,
    verboseMs: VERBOSE_MS,
    trusted: new Networks(config.relay.networks),
    verbs: { VRFY: vrfy, EXPN: expn, VERB: verb },
  });
  return { ...base, guard, queue, destinations, policy };
}

function systemResolver({ config, clock, random }: Surroundings): Resolver {
  const { nameServer, timeout } = config.dns;
  return new SystemResolver({
    timeoutMs: timeout,
    clock,
    random,
    ...(nameServer === null ? {} : { nameServer }),
  });
}

/** The embedded store answers from memory, at once. */
function atOnce<T>(value: T | Promise<T>): T {
  if (value instanceof Promise) throw new TypeError("The directory of names must be in memory");
  return value;
}
