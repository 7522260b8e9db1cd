/** The site `autoconfig.DOMAIN`: what a mail program has to know to use an account of a domain of ours. */

/** The settings of a domain, as XML; undefined: it is none of ours, or nobody but this machine can reach its services. */
export type SettingsOf = (domain: string) => string | undefined;

/** Where Thunderbird and others look, at `autoconfig.DOMAIN` and at the domain's own host. */
const PATHS = ["/mail/config-v1.1.xml", "/.well-known/autoconfig/mail/config-v1.1.xml"];

/**
 * The answer to a request for the settings of a domain: of the address that is asked for, or of the one that the host
 * is named for; `address` tells the address. Undefined: it asks for something else. `host` is in lower case, without port and final dot.
 */
export function settingsAnswer(
  host: string,
  { method, path, address }: { method: string; path: string; address: () => string | undefined },
  settingsOf: SettingsOf,
): Response | undefined {
  const named = host.startsWith("autoconfig.") ? host.slice("autoconfig.".length) : undefined;
  const site = named === undefined ? undefined : settingsOf(named);
  if (!PATHS.includes(path)) {
    return site === undefined ? undefined : new Response("Nothing here\n", { status: 404 });
  }
  const asked = address();
  const wanted = asked?.includes("@") ? asked.slice(asked.lastIndexOf("@") + 1).toLowerCase() : undefined;
  const found = wanted === undefined ? site : settingsOf(wanted);
  if (found === undefined) {
    return site === undefined ? undefined : new Response("Nothing here\n", { status: 404 });
  }
  if (method !== "GET" && method !== "HEAD") {
    return new Response("Only GET and HEAD\n", { status: 405, headers: { allow: "GET, HEAD" } });
  }
  return new Response(found, { headers: { "content-type": "text/xml; charset=utf-8" } });
}
