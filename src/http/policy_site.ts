/** The site `mta-sts.DOMAIN`: the MTA-STS policy of a domain of ours (RFC 8461 3.2), and nothing else. */

/** The text of the policy that a host name stands for; undefined: it is no policy host of ours. */
export type PolicyOf = (host: string) => string | undefined;

/** Where it is (RFC 8461 3.2). */
export const POLICY_PATH = "/.well-known/mta-sts.txt";

/** The answer to a request for a policy host; undefined: `host` (lower case, without port and final dot) is none of ours. */
export function policyAnswer(
  host: string,
  { method, path }: { method: string; path: string },
  policyOf: PolicyOf,
): Response | undefined {
  const policy = policyOf(host);
  if (policy === undefined) return undefined;
  if (path !== POLICY_PATH) return new Response("Nothing here\n", { status: 404 });
  if (method !== "GET" && method !== "HEAD") {
    return new Response("Only GET and HEAD\n", { status: 405, headers: { allow: "GET, HEAD" } });
  }
  return new Response(policy, { headers: { "content-type": "text/plain; charset=utf-8" } });
}
