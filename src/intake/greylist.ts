/** The greylist: a stranger's first try is put off, since who means it comes again (RFC 6647), in postgrey's measures. */

import ipaddr from "ipaddr.js";
import type { Clock } from "../base/clock.ts";
import { canonicalIp } from "../dns/names.ts";
import { localKey, splitMailbox } from "../mail/address.ts";
import type { Mailbox } from "../mail/envelope.ts";
import { expiring, removing } from "../storage/expiry.ts";
import * as keys from "../storage/keys.ts";
import type { Store } from "../storage/store.ts";
import { KeyedRates } from "./keyed_rates.ts";

/** What is kept of one client's network, sender and recipient. */
export interface GreyTriplet {
  /** When they came first: milliseconds since 1970. */
  readonly first: number;
  /** So long it is kept. */
  readonly until: number;
}

/** What is kept of a client's network that came again. */
export interface GreyClient {
  /** How often that counted. */
  readonly count: number;
  /** When it counted last: milliseconds since 1970. */
  readonly last: number;
  readonly until: number;
}

/** What a {@linkcode Greylist} works with. */
export interface GreylistOptions {
  readonly store: Store;
  readonly clock: Clock;
  /** Called with what came of each recipient; `free`: the client is known to come again. */
  readonly onAnswer?: (result: "deferred" | "passed" | "free") => void;
}

const SECOND = 1000;
const HOUR = 3600 * SECOND;
const DAY = 24 * HOUR;
/** Who comes again sooner waits on. */
const DELAY = 300 * SECOND;
/** Who comes again later is new. */
const RETRY_WINDOW = 2 * DAY;
/** What has passed is known for so long from its last time on. */
const KNOWN = 35 * DAY;
/** A client that came again so often, an hour apart at least, is free. */
const FREE_AFTER = 5;
/** So many that are new are remembered of a network: who comes with ever new senders does not fill the store. */
const NEW_RATE = { count: 1000, perMs: HOUR };

/** Remembers who came, in the store. */
export class Greylist {
  readonly #options: GreylistOptions;
  readonly #new: KeyedRates;

  constructor(options: GreylistOptions) {
    this.#options = options;
    this.#new = new KeyedRates(options.clock, NEW_RATE);
  }

  /** How many seconds this client has to wait before it may bring a message to that recipient; 0: none. */
  async wait(ip: string, sender: Mailbox, recipient: Mailbox): Promise<number> {
    const { clock, store: { kv }, onAnswer } = this.#options;
    const now = clock.now();
    const network = networkOf(ip);
    const key = keys.greyTriplet(network, senderKey(sender), localKey(recipient));
    const [{ value: client }, { value: triplet }] = await Promise.all([
      kv.get<GreyClient>(keys.greyClient(network)),
      kv.get<GreyTriplet>(key),
    ]);
    const known = client && client.until > now ? client : undefined;
    if (known && known.count >= FREE_AFTER) {
      await this.#see(network, known, now);
      onAnswer?.("free");
      return 0;
    }
    // one that comes from the future was written before the clock was set back
    const before = triplet && triplet.until > now && triplet.first <= now ? triplet : undefined;
    const left = before ? before.first + DELAY - now : DELAY;
    if (!before && this.#mayRemember(network)) {
      await this.#keep(key, { first: now, until: now + RETRY_WINDOW }, triplet);
    }
    if (left <= 0) {
      if (isWorthRenewing(before!, now)) await this.#keep(key, { ...before!, until: now + KNOWN }, before);
      await this.#see(network, known, now);
    }
    onAnswer?.(left > 0 ? "deferred" : "passed");
    return Math.max(0, Math.ceil(left / SECOND));
  }

  #mayRemember(network: string): boolean {
    const limit = this.#new.of(network);
    if (limit.waitMs > 0) return false;
    limit.take();
    return true;
  }

  /** The client came again. */
  async #see(network: string, known: GreyClient | undefined, now: number): Promise<void> {
    const counts = !known || (known.count < FREE_AFTER && now - known.last >= HOUR);
    if (!counts && !isWorthRenewing(known, now)) return;
    const count = (known?.count ?? 0) + (counts ? 1 : 0);
    const last = counts ? now : known.last;
    await this.#keep(keys.greyClient(network), { count, last, until: now + KNOWN }, known);
  }

  async #keep(
    key: Deno.KvKey,
    value: GreyTriplet | GreyClient,
    old: { readonly until: number } | null | undefined,
  ): Promise<void> {
    const mutations = [...(old ? removing(key, old.until) : []), ...expiring(key, value, value.until)];
    await this.#options.store.write({ mutations, size: 600 });
  }
}

/** Not each message writes: a day of 35 is little. */
function isWorthRenewing({ until }: { readonly until: number }, now: number): boolean {
  return until < now + KNOWN - DAY;
}

/** The hosts that retry for each other: the /24, or the /64. */
function networkOf(address: string): string {
  const bytes = ipaddr.process(canonicalIp(address) ?? address).toByteArray();
  return bytes.length === 4
    ? bytes.slice(0, 3).join(".")
    : bytes.slice(0, 8).map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The sender without what mailing lists write anew each time: a detail, and numbers. */
function senderKey(sender: Mailbox): string {
  if (sender === "") return "";
  const { local, domain } = splitMailbox(sender);
  return `${
    local.replace(/(?<=.)\+.*$/, "").replace(/(?<![a-z0-9])\d+(?![a-z0-9])/gi, "#").toLowerCase()
  }@${domain}`;
}
