/** The counts of sessions by day, domain and policy (RFC 8460), kept in the store until they are reported. */

import type { Clock } from "../base/clock.ts";
import { DayCounts } from "../observe/day_counts.ts";
import type { Journal } from "../observe/journal.ts";
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

/** A hostile zone can't make a row of the store too large: 64 KiB. */
const MAX_POLICIES = 8;
const MAX_LINES = 10;
const MAX_DETAILS = 25;
const MAX_TEXT = 200;

/** Counts. */
export class TlsSessions extends DayCounts<DomainDay> {
  /** Keeps counts in `store`. */
  constructor(store: Store, by: { clock: Clock; journal: Journal }) {
    super(store, {
      key: (_, { day, domain }) => keys.tlsSessions(day, domain),
      before: keys.tlsSessionsBefore,
      sum: ({ policies }, kept) => {
        for (const policy of policies) add(kept, policy);
        return kept;
      },
      size: ({ policies }) => 500 + 1000 * policies.length,
      failure: "TLS sessions not counted",
    }, by);
  }

  /** Counts a session with a host of a domain. */
  count(domain: string, session: TlsSession): void {
    const day = this.today;
    const name = `${day} ${domain}`;
    const counted = this.get(name) ?? { day, domain, policies: [] };
    add(counted, countOf(session));
    this.set(name, counted);
  }
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
