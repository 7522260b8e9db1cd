/** The counts of sessions by day, domain and policy (RFC 8460), kept in the store until they are reported. */

import type { Clock, Timer } from "../base/clock.ts";
import { Tasks } from "../base/tasks.ts";
import type { Journal } from "../observe/journal.ts";
import { expiring, removing } from "../storage/expiry.ts";
import * as keys from "../storage/keys.ts";
import type { Store } from "../storage/store.ts";
import { failureOf, type PolicySeen, type TlsFailure, type TlsSession } from "./tls_session.ts";

/** The failures of one kind at one host. */
export interface FailureCount {
  readonly type: TlsFailure;
  readonly host: string;
  readonly address: string;
  readonly local: string;
  readonly reason: string;
  count: number;
}

/** What was counted under one policy. */
export interface PolicyCount {
  readonly policy: PolicySeen;
  successes: number;
  failures: number;
  readonly details: FailureCount[];
}

/** What was counted of one domain on one day. */
export interface DomainDay {
  /** `2026-01-05`, of UTC. */
  readonly day: string;
  readonly domain: string;
  readonly policies: PolicyCount[];
}

const DAY_MS = 24 * 60 * 60_000;
/** So long counts wait in memory: what a crash costs. */
const WRITE_MS = 60_000;
/** A report that could not be made for so long is none. */
const KEPT_MS = 4 * DAY_MS;
/** A hostile zone can't make a row of the store too large. */
const MAX_POLICIES = 8;
const MAX_LINES = 10;
const MAX_DETAILS = 40;
const MAX_TEXT = 200;

/** Counts. */
export class TlsSessions {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #tasks: Tasks;
  #counted = new Map<string, DomainDay>();
  #timer: Timer | undefined;

  /** Keeps counts in `store`. */
  constructor(store: Store, { clock, journal }: { clock: Clock; journal: Journal }) {
    this.#store = store;
    this.#clock = clock;
    this.#tasks = new Tasks((_, error) =>
      journal.note("WARN", "TLS sessions not counted", { error: String(error) })
    );
  }

  /** Counts a session with a host of a domain. */
  count(domain: string, session: TlsSession): void {
    const day = new Date(this.#clock.now()).toISOString().slice(0, 10);
    const key = `${day} ${domain}`;
    let counted = this.#counted.get(key);
    if (!counted) this.#counted.set(key, counted = { day, domain, policies: [] });
    add(counted, countOf(session));
    this.#timer ??= this.#clock.schedule(WRITE_MS, () => this.#tasks.run("write", () => this.write()));
  }

  /** Writes what is counted. */
  async write(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
    const counted = this.#counted;
    this.#counted = new Map();
    for (const one of counted.values()) await this.#merge(one);
  }

  /** Days that are over, with the keys to take them away by. */
  async *past(): AsyncGenerator<Deno.KvEntry<DomainDay>> {
    const today = new Date(this.#clock.now()).toISOString().slice(0, 10);
    yield* this.#store.kv.list<DomainDay>(keys.tlsSessionsBefore(today));
  }

  /** Takes a day away; false when somebody else was quicker. */
  async take({ key, value, versionstamp }: Deno.KvEntry<DomainDay>): Promise<boolean> {
    const checks = [{ key, versionstamp }];
    return (await this.#store.write({ checks, mutations: removing(key, endOf(value)), size: 200 })).ok;
  }

  async #merge(counted: DomainDay): Promise<void> {
    const key = keys.tlsSessions(counted.day, counted.domain);
    for (;;) {
      const { value, versionstamp } = await this.#store.kv.get<DomainDay>(key);
      const whole: DomainDay = value ?? { day: counted.day, domain: counted.domain, policies: [] };
      for (const policy of counted.policies) add(whole, policy);
      const size = 500 + 1000 * whole.policies.length;
      const write = {
        checks: [{ key, versionstamp }],
        mutations: expiring(key, whole, endOf(counted)),
        size,
      };
      if ((await this.#store.write(write)).ok) return;
    }
  }
}

function endOf({ day }: DomainDay): number {
  return Date.parse(day) + KEPT_MS;
}

function countOf(session: TlsSession): PolicyCount {
  const { verdict, host = "", address = "" } = session;
  const policy = {
    ...session.policy,
    text: session.policy.text.slice(0, MAX_LINES).map((line) => line.slice(0, MAX_TEXT)),
    mx: session.policy.mx.slice(0, MAX_LINES),
  };
  const type = failureOf(session);
  if (type === undefined) return { policy, successes: 1, failures: 0, details: [] };
  const reason = (verdict.reason ?? verdict.untrusted ?? "").slice(0, MAX_TEXT);
  const detail = { type, host, address, local: verdict.local ?? "", reason, count: 1 };
  return { policy, successes: 0, failures: 1, details: [detail] };
}

function add(to: DomainDay, counted: PolicyCount): void {
  const key = JSON.stringify(counted.policy);
  let known = to.policies.find(({ policy }) => JSON.stringify(policy) === key);
  if (!known) {
    if (to.policies.length >= MAX_POLICIES) return;
    to.policies.push(known = { policy: counted.policy, successes: 0, failures: 0, details: [] });
  }
  known.successes += counted.successes;
  known.failures += counted.failures;
  for (const detail of counted.details) {
    const same = known.details.find((one) =>
      one.type === detail.type && one.host === detail.host && one.address === detail.address &&
      one.local === detail.local && one.reason === detail.reason
    );
    if (same) same.count += detail.count;
    else if (to.policies.reduce((sum, { details }) => sum + details.length, 0) < MAX_DETAILS) {
      known.details.push({ ...detail });
    }
  }
}
