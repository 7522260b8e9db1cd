/** The MTA-STS policies of other domains (RFC 8461): found, kept until they end, fetched again before. */

import type { Resolver } from "../dns/resolver.ts";
import type { Journal } from "../observe/journal.ts";
import { expiring, removing } from "../storage/expiry.ts";
import * as keys from "../storage/keys.ts";
import type { Store } from "../storage/store.ts";
import { fetchPolicy, type PolicyFetchOptions, type StsFailure } from "./sts_fetch.ts";
import { announcedPolicy, type StsPolicy } from "./sts_policy.ts";

/** A policy as it is kept. */
export interface KnownPolicy extends StsPolicy {
  /** The id that announced it. */
  readonly id: string;
  /** When it was fetched, and until when it holds: milliseconds since 1970. */
  readonly fetchedAt: number;
  readonly until: number;
}

/** What is known of a domain. */
export interface StsState {
  /** The policy that holds, if there is one. */
  readonly policy?: KnownPolicy;
  /** Why the announced one could not be had: a sentence without a full stop. */
  readonly trouble?: { readonly failure: StsFailure; readonly why: string };
}

/** What the policies need. */
export interface StsPoliciesOptions extends Omit<PolicyFetchOptions, "resolver"> {
  readonly resolver: Pick<Resolver, "addresses" | "txt">;
  readonly journal: Journal;
}

/** Its policies are fetched again at this age at the latest, so that who stands in the way has to stand there for long. */
const REFRESH_MS = 24 * 60 * 60_000;
/** RFC 8461 3.3: a policy host that failed is left alone for five minutes. */
const PAUSE_MS = 5 * 60_000;
/** So long is believed what memory says of a store that others write to. */
const SHARED_MS = 60_000;
/** More domains are looked up in the store again. */
const MAX_REMEMBERED = 10_000;

interface Remembered {
  policy: KnownPolicy | undefined;
  /** By the clock's `monotonic`. */
  readonly readAt: number;
  failed?: { readonly at: number; readonly id: string; readonly trouble: NonNullable<StsState["trouble"]> };
}

/** The policies. What was seen once holds until it ends, whatever the DNS and the policy's host do meanwhile. */
export class StsPolicies {
  readonly #store: Store;
  readonly #options: StsPoliciesOptions;
  readonly #remembered = new Map<string, Remembered>();
  readonly #running = new Map<string, Promise<StsState>>();
  readonly #closing = new AbortController();

  /** Those that `store` keeps. */
  constructor(store: Store, options: StsPoliciesOptions) {
    this.#store = store;
    this.#options = options;
  }

  /** What holds for the mail of a domain (lower case A-labels) now. Rejects only when the store fails. */
  of(domain: string): Promise<StsState> {
    const running = this.#running.get(domain);
    if (running) return running;
    const finding = this.#find(domain).finally(() => this.#running.delete(domain));
    this.#running.set(domain, finding);
    return finding;
  }

  /** Ends what is being fetched. */
  close(): void {
    this.#closing.abort();
  }

  async #find(domain: string): Promise<StsState> {
    const { clock, resolver, journal } = this.#options;
    const [known, answer] = await Promise.all([this.#read(domain), resolver.txt(`_mta-sts.${domain}`)]);
    const now = clock.now();
    const policy = known.policy && known.policy.until > now ? known.policy : undefined;
    const kept: StsState = policy ? { policy } : {};
    const id = answer.kind === "found" ? announcedPolicy(answer.records) : undefined;
    if (id === undefined || (policy?.id === id && isFresh(policy, now))) return kept;
    const { failed } = known;
    if (failed?.id === id && clock.monotonic() < failed.at + PAUSE_MS) {
      return { ...kept, trouble: failed.trouble };
    }
    const fetched = await fetchPolicy(domain, { ...this.#options, signal: this.#closing.signal });
    if (!fetched.ok) {
      const { failure, why } = fetched;
      known.failed = { at: clock.monotonic(), id, trouble: { failure, why } };
      journal.note("WARN", "MTA-STS policy not fetched", { domain, error: why, kept: policy !== undefined });
      return { ...kept, trouble: { failure, why } };
    }
    const until = now + fetched.policy.maxAge * 1000;
    const fresh = { ...fetched.policy, id, fetchedAt: now, until };
    await this.#keep(domain, fresh, known.policy);
    return { policy: fresh };
  }

  async #read(domain: string): Promise<Remembered> {
    const { clock } = this.#options;
    const remembered = this.#remembered.get(domain);
    if (remembered && (this.#store.embedded || clock.monotonic() < remembered.readAt + SHARED_MS)) {
      return remembered;
    }
    const { value } = await this.#store.kv.get<KnownPolicy>(keys.stsPolicy(domain));
    return this.#remember(domain, { ...remembered, policy: value ?? undefined, readAt: clock.monotonic() });
  }

  #remember(domain: string, what: Remembered): Remembered {
    this.#remembered.delete(domain);
    if (this.#remembered.size >= MAX_REMEMBERED) {
      this.#remembered.delete(this.#remembered.keys().next().value!);
    }
    this.#remembered.set(domain, what);
    return what;
  }

  /** Durable before it counts: what holds now holds after the next start. */
  async #keep(domain: string, policy: KnownPolicy, old: KnownPolicy | undefined): Promise<void> {
    const key = keys.stsPolicy(domain);
    const mutations = [
      ...(old ? removing(key, old.until) : []),
      ...expiring(key, policy, policy.until),
    ];
    await this.#store.write({ mutations, size: 400 + 2 * policy.mx.join().length });
    this.#remember(domain, { policy, readAt: this.#options.clock.monotonic() });
  }
}

function isFresh({ fetchedAt, maxAge }: KnownPolicy, now: number): boolean {
  return now < fetchedAt + Math.min(REFRESH_MS, maxAge * 500);
}
