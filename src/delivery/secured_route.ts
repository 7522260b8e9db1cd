/** A route with what the domain's own policies demand of each host: MTA-STS (RFC 8461). */

import type { MailHost, MailHosts } from "../dns/mail_hosts.ts";
import type { TlsDemand } from "../transport/demand.ts";
import type { KnownPolicy, StsPolicies, StsState } from "../transport/sts_policies.ts";
import { isInPolicy } from "../transport/sts_policy.ts";

/** A host to try, and what is demanded of the connection to it. */
export interface RouteHost extends MailHost {
  readonly demand?: TlsDemand;
}

/** The hosts of a domain's mail with what is demanded of them, or why there are none. */
export type Route =
  | Exclude<MailHosts, { kind: "hosts" }>
  | Omit<MailHosts & { kind: "hosts" }, "hosts"> & {
    readonly hosts: RouteHost[];
  };

/** Applies a domain's policies to its route. Rejects only when the store fails. */
export async function securedRoute(
  domain: string,
  search: Promise<MailHosts>,
  policies: StsPolicies,
): Promise<Route> {
  // both go through the DNS, and neither needs the other
  const [route, state] = await Promise.all([search, policies.of(domain)]);
  return route.kind === "hosts" ? withSts(domain, route, state) : route;
}

function withSts(domain: string, route: MailHosts & { kind: "hosts" }, { policy, trouble }: StsState): Route {
  const steps = [...route.steps];
  if (trouble) {
    const meanwhile = policy ? "the one of before holds" : "nothing is demanded meanwhile";
    steps.push(`The MTA-STS policy of ${domain} can't be had: ${trouble.why}; ${meanwhile}.`);
  }
  if (!policy || policy.mode === "none") return { ...route, steps };
  steps.push(`MTA-STS: ${told(domain, policy)}.`);
  const others = route.hosts.filter(({ host }) => !isInPolicy(policy, host));
  if (policy.mode === "testing") {
    const named = others.map(({ host }) => host).join(", ");
    if (named !== "") steps.push(`It does not name ${named}: that is only reported.`);
    return { ...route, steps };
  }
  for (const { host } of others) steps.push(`${host} is left out: the policy does not name it.`);
  const why = `The policy of ${domain} (MTA-STS) demands verified TLS`;
  const hosts = route.hosts.filter((host) => !others.includes(host)).map((host) => ({
    ...host,
    demand: { by: "sts", why } as const,
  }));
  if (hosts.length > 0) return { ...route, hosts, steps };
  const text = `The policy of ${domain} (MTA-STS) names none of its mail servers: ${
    others.map(({ host }) => host).join(", ")
  }`;
  steps.push(`Deferred 4.7.0: ${text}.`);
  return { kind: "deferred", status: "4.7.0", text, steps };
}

function told(domain: string, { mode, mx, id, until }: KnownPolicy): string {
  const end = new Date(until).toISOString();
  return `the policy of ${domain} is at ${mode} for ${mx.join(", ")} (id ${id}, until ${end})`;
}
