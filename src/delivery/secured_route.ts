/** A route with what policies demand of each host: DANE (RFC 7672), which goes before, and MTA-STS (RFC 8461). */

import type { MailHost, MailHosts } from "../dns/mail_hosts.ts";
import type { Resolver } from "../dns/resolver.ts";
import type { SenderParameters } from "../mail/envelope.ts";
import { type DaneFinding, findDane } from "../transport/dane.ts";
import type { TlsDemand } from "../transport/demand.ts";
import type { KnownPolicy, StsPolicies, StsState } from "../transport/sts_policies.ts";
import type { PolicySeen, TlsSession } from "../transport/tls_session.ts";
import { isInPolicy } from "../transport/sts_policy.ts";

/** A host to try, and what is demanded of the connection to it. */
export interface RouteHost extends MailHost {
  readonly demand?: TlsDemand;
  /** The policy that sessions with it are counted under; absent: none was looked for. */
  readonly policy?: PolicySeen;
  /** Why nothing is sent to it now: a sentence without a full stop. */
  readonly barred?: string;
}

type Hosts = MailHosts & { kind: "hosts" };

/** The hosts of a domain's mail with what is demanded of them, or why there are none. */
export type Route = (Exclude<MailHosts, Hosts> | SecuredHosts) & {
  /** What kept sessions from being begun: for reports. */
  readonly prevented?: readonly TlsSession[];
};
type SecuredHosts = Omit<Hosts, "hosts"> & {
  readonly hosts: RouteHost[];
  readonly prevented?: readonly TlsSession[];
};

/** Where policies are found. */
export interface PolicySources {
  readonly resolver: Resolver;
  /** The port of the hosts: TLSA records are those of a port. */
  readonly port: number;
  /** Absent: MTA-STS is not asked for, as of a host that the operator named. */
  readonly sts?: StsPolicies | undefined;
  /** What the sender wants of TLS. */
  readonly wish?: SenderParameters["tls"] | undefined;
}

/** Applies the policies of a domain and its hosts to its route. Rejects only when the store fails. */
export async function securedRoute(
  domain: string,
  route: MailHosts,
  { resolver, port, sts, wish }: PolicySources,
): Promise<Route> {
  if (route.kind !== "hosts") return route;
  if (wish === "optional") {
    const step = "The sender asks for delivery rather than TLS (TLS-Required: No): no policy counts.";
    return { ...route, steps: [...route.steps, step] };
  }
  const domains = route.how === "mx" ? [domain, ...(route.owner === undefined ? [] : [route.owner])] : [];
  const [state = {}, findings] = await Promise.all([
    sts?.of(domain),
    Promise.all(route.hosts.map((host) => findDane({ ...host, port, domains }, resolver))),
  ]);
  const secured = withSts(domain, withDane(domain, route, findings), state);
  return wish === "required" && secured.kind === "hosts" ? withWish(domain, secured, state) : secured;
}

/** RFC 8689 4.2.1: DNSSEC or a policy vouches for the hosts, if an MX record names them, and TLS is verified. */
function withWish(domain: string, route: SecuredHosts, { policy, trouble }: StsState): Route {
  const named = policy && policy.mode !== "none" ? policy : { mx: [] };
  const isLookedUp = route.how === "mx" || route.how === "implicit";
  const hosts = route.hosts.filter(({ host }) => !isLookedUp || route.secure || isInPolicy(named, host));
  if (hosts.length === 0) {
    const why =
      `Neither DNSSEC nor MTA-STS vouches for the mail servers of ${domain}, which REQUIRETLS needs`;
    const { prevented = [], steps } = route;
    // what is announced may be had later
    const [kind, status, text] = trouble
      ? ["deferred", "4.7.0", `${why}: ${trouble.why}`] as const
      : ["failed", "5.7.30", why] as const;
    const end = `${kind === "failed" ? "Failed" : "Deferred"} ${status}: ${text}.`;
    return { kind, status, text, prevented, steps: [...steps, end] };
  }
  const own = { by: "sender", why: "The sender (REQUIRETLS) demands verified TLS" } as const;
  const isEnough = (demand: TlsDemand) => demand.by !== "dane" || demand.records.length > 0;
  return {
    ...route,
    steps: [...route.steps, `${own.why}, and REQUIRETLS of each host.`],
    hosts: hosts.map((host) => ({
      ...host,
      demand: { ...(host.demand && isEnough(host.demand) ? host.demand : own), final: true },
    })),
  };
}

function withDane(domain: string, route: Hosts, findings: readonly DaneFinding[]): SecuredHosts {
  const steps = [...route.steps];
  const prevented: TlsSession[] = [];
  const hosts = route.hosts.map((host, i): RouteHost => {
    const finding = findings[i]!;
    if (finding.kind === "none") return { ...host, policy: { ...NO_POLICY, domain } };
    if (finding.kind === "unknown") {
      const policy = { ...NO_POLICY, type: "tlsa", domain: host.owner ?? host.host } as const;
      const verdict = { failure: "dnssec-invalid", reason: finding.why } as const;
      prevented.push({ policy, verdict, host: host.host });
      steps.push(`${finding.why}. Nothing is sent to ${host.host} meanwhile.`);
      return { ...host, barred: finding.why };
    }
    const { demand } = finding;
    const few = demand.records.length === 0 ? ", of any certificate: none of them can be used" : "";
    steps.push(`${demand.why} of ${host.host}${few}.`);
    const text = demand.records.map(({ usage, selector, matchingType, data }) =>
      `${usage} ${selector} ${matchingType} ${data.toHex()}`
    );
    return { ...host, demand, policy: { type: "tlsa", domain: demand.base, text, mx: [] } };
  });
  return { ...route, hosts, steps, prevented };
}

function withSts(domain: string, route: SecuredHosts, { policy, trouble }: StsState): Route {
  const steps = [...route.steps];
  const prevented = [...route.prevented ?? []];
  const seen = policySeen(domain, policy);
  if (trouble) {
    prevented.push({ policy: seen, verdict: { failure: trouble.failure, reason: trouble.why } });
    const meanwhile = policy ? "the one of before holds" : "nothing is demanded meanwhile";
    steps.push(`The MTA-STS policy of ${domain} can't be had: ${trouble.why}; ${meanwhile}.`);
  }
  if (!policy || policy.mode === "none") return { ...route, steps, prevented };
  steps.push(`MTA-STS: ${told(domain, policy)}.`);
  const others = route.hosts.filter(({ host, demand, barred }) =>
    demand === undefined && barred === undefined && !isInPolicy(policy, host)
  );
  for (const { host } of others) {
    const verdict = { failure: "validation-failure", reason: "the policy does not name the host" } as const;
    prevented.push({ policy: seen, verdict, host });
  }
  if (policy.mode === "testing") {
    const named = others.map(({ host }) => host).join(", ");
    if (named !== "") steps.push(`It does not name ${named}: that is only reported.`);
    const counted = route.hosts.map((host) => ({ ...host, policy: host.demand ? host.policy! : seen }));
    return { ...route, hosts: counted, steps, prevented };
  }
  for (const { host } of others) steps.push(`${host} is left out: the policy does not name it.`);
  const why = `The policy of ${domain} (MTA-STS) demands verified TLS`;
  const hosts = route.hosts.filter((host) => !others.includes(host)).map((host) => ({
    ...host,
    demand: host.demand ?? { by: "sts", why } as const,
    policy: host.demand ? host.policy! : seen,
  }));
  if (hosts.length > 0) return { ...route, hosts, steps, prevented };
  const text = `The policy of ${domain} (MTA-STS) names none of its mail servers: ${
    others.map(({ host }) => host).join(", ")
  }`;
  steps.push(`Deferred 4.7.0: ${text}.`);
  return { kind: "deferred", status: "4.7.0", text, steps, prevented };
}

const NO_POLICY = { type: "no-policy-found", text: [], mx: [] } as const;

function policySeen(domain: string, policy: KnownPolicy | undefined): PolicySeen {
  if (!policy) return { ...NO_POLICY, type: "sts", domain };
  const { mode, mx, maxAge } = policy;
  const text = ["version: STSv1", `mode: ${mode}`, ...mx.map((one) => `mx: ${one}`), `max_age: ${maxAge}`];
  return { type: "sts", domain, text, mx };
}

function told(domain: string, { mode, mx, id, until }: KnownPolicy): string {
  const end = new Date(until).toISOString();
  return `the policy of ${domain} is at ${mode} for ${mx.join(", ")} (id ${id}, until ${end})`;
}
