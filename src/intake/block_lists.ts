/** The block lists of the DNS (RFC 5782): is a client's address on one, asked beside its session, for two seconds at most? */

import type { Clock } from "../base/clock.ts";
import { canonicalIp, reverseName } from "../dns/names.ts";
import type { Resolver } from "../dns/resolver.ts";
import type { Health } from "../observe/health.ts";

/** What {@linkcode BlockLists} work with. */
export interface BlockListsOptions {
  /** The zones, canonical. */
  readonly zones: readonly string[];
  readonly resolver: Pick<Resolver, "addresses" | "txt">;
  readonly clock: Clock;
  readonly health: Pick<Health, "set">;
  /** Called with what came of a look-up, of a closed set. */
  readonly onAnswer?: (zone: string, result: "listed" | "clear" | "late" | "failed") => void;
}

/** That an address is on a list. */
export interface Listing {
  readonly zone: string;
  /** What the list says of it, in printable ASCII; empty when it says nothing. */
  readonly text: string;
}

/** No session waits longer. */
const MAX_MS = 2000;
/** How long a list that answers as it should is not tested again, and one that doesn't. */
const SOUND_MS = 3600_000;
const BROKEN_MS = 10 * 60_000;
const UNKNOWN_MS = 60_000;
const MAX_TEXT = 200;
/** What a list must have, and must not have, for each family (RFC 5782 5). */
const TEST_POINTS = {
  4: ["2.0.0.127", "1.0.0.127"],
  6: [2, 1].map((n) => `${n}.0.0.0.0.0.f.7.f.f.f.f${".0".repeat(20)}`) as [string, string],
} as const;
type Family = 4 | 6;

/** What is known of a list. */
interface Tested {
  readonly until: number;
  readonly usable: boolean;
}

/** Asks block lists about addresses. */
export class BlockLists {
  readonly #options: BlockListsOptions;
  readonly #tested = new Map<string, Promise<Tested>>();
  readonly #faults = new Map<string, string>();

  constructor(options: BlockListsOptions) {
    this.#options = options;
  }

  /** The first listing that is found within two seconds; undefined: there is none, or nobody can say. Never rejects. */
  async find(address: string): Promise<Listing | undefined> {
    const ip = canonicalIp(address);
    const reversed = ip && reverseName(ip)?.replace(/\.(?:in-addr|ip6)\.arpa$/, "");
    if (!ip || !reversed) return undefined;
    const family = ip.includes(":") ? 6 : 4;
    const { zones, clock, onAnswer } = this.#options;
    let late = false;
    const end = Promise.withResolvers<undefined>();
    const timer = clock.schedule(MAX_MS, () => {
      late = true;
      end.resolve(undefined);
    });
    const found = Promise.withResolvers<string>();
    const asked = zones.map(async (zone) => {
      const result = await this.#look(`${reversed}.${zone}`, { zone, family });
      onAnswer?.(zone, late ? "late" : result);
      if (result === "listed") found.resolve(zone);
    });
    const zone = await Promise.race([found.promise, Promise.all(asked).then(() => undefined), end.promise]);
    const text = zone && await Promise.race([this.#text(`${reversed}.${zone}`), end.promise]);
    timer.cancel();
    return zone === undefined ? undefined : { zone, text: text ?? "" };
  }

  async #look(
    name: string,
    { zone, family }: { zone: string; family: Family },
  ): Promise<"listed" | "clear" | "failed"> {
    const [answer, { usable }] = await Promise.all([
      this.#options.resolver.addresses(name, 4),
      this.#test(zone, family),
    ]);
    if (!usable || answer.kind === "temporaryFailure") return "failed";
    if (answer.kind !== "found") return "clear";
    if (answer.records.some(isRefusal)) {
      this.#tell(zone, `${zone} refuses the questions of our name server (${answer.records.join(", ")})`);
      return "failed";
    }
    return answer.records.some(isListing) ? "listed" : "clear";
  }

  /** A list that has everybody, nobody, or refuses us is not heard. */
  #test(zone: string, family: Family): Promise<Tested> {
    const key = `${family} ${zone}`;
    const last = this.#tested.get(key) ?? Promise.resolve({ until: -Infinity, usable: false });
    const next = last.then(async (tested) => {
      if (tested.until > this.#options.clock.monotonic()) return tested;
      return await this.#testAnew(zone, family);
    });
    this.#tested.set(key, next);
    return next;
  }

  async #testAnew(zone: string, family: Family): Promise<Tested> {
    const { resolver, clock } = this.#options;
    const [listed, unlisted] = await Promise.all(
      TEST_POINTS[family].map((point) => resolver.addresses(`${point}.${zone}`, 4)),
    );
    const tested = (usable: boolean, ms: number) => ({ usable, until: clock.monotonic() + ms });
    if (listed!.kind === "temporaryFailure" || unlisted!.kind === "temporaryFailure") {
      return tested(false, UNKNOWN_MS);
    }
    const has = listed!.kind === "found" && listed!.records.some((ip) => isListing(ip) && !isRefusal(ip));
    const hasAll = unlisted!.kind === "found";
    if (has && !hasAll) {
      if (family === 4) this.#tell(zone, undefined);
      return tested(true, SOUND_MS);
    }
    // many lists have no IPv6 addresses at all
    const why = hasAll ? "it has 127.0.0.1, so it has everybody" : "it lacks its test entry, 127.0.0.2";
    if (family === 4) this.#tell(zone, `${zone} is not heard: ${why} (RFC 5782 5)`);
    return tested(false, BROKEN_MS);
  }

  /** Shows what is wrong with a list, or that nothing is any more. */
  #tell(zone: string, fault: string | undefined): void {
    if (fault === undefined) this.#faults.delete(zone);
    else this.#faults.set(zone, fault);
    const all = [...this.#faults.values()].join("; ");
    this.#options.health.set("dnsbl", all === "" ? undefined : `A block list can't be used: ${all}`);
  }

  async #text(name: string): Promise<string> {
    const answer = await this.#options.resolver.txt(name);
    if (answer.kind !== "found") return "";
    return answer.records.join("; ").replace(/[^\x20-\x7e]/g, "?").slice(0, MAX_TEXT);
  }
}

/** Whatever else a zone answers (a parked domain has everybody at its web server) says nothing. */
function isListing(ip: string): boolean {
  return ip.startsWith("127.");
}

/** By custom: this resolver asks too much, or may not ask. */
function isRefusal(ip: string): boolean {
  return ip.startsWith("127.255.255.");
}
