/** The warnings: what a configuration may say, and what nobody wants. */

import { isLoopback } from "../base/ip.ts";
import { formatDuration } from "../base/units.ts";
import type { Config, Endpoint } from "./config.ts";
import type { Path } from "./keys.ts";

/** Something to be said of a key. */
export interface Warning {
  readonly path: Path;
  /** What happens, and what would be right. */
  readonly text: string;
}

/** Says whether a key stands in the configuration, whatever its value is. */
type IsGiven = (path: Path) => boolean;

/** A lease under this ends while a busy server takes breath: milliseconds. */
const SHORT_LEASE_MS = 10_000;
/** A network of fewer bits holds strangers. */
const OPEN_BITS = { v4: 8, v6: 16 };

/** The warnings. */
export function warningsOf(config: Config, isGiven: IsGiven): Warning[] {
  // what is caught goes to nobody, and comes from programs that are being tried
  if (config.capture !== false) return webhooks(config);
  return [
    ...names(config, isGiven),
    ...networks(config),
    ...clearText(config),
    ...queue(config),
    ...webhooks(config),
    ...idleRules(config),
  ];
}

function names({ hostname, listen }: Config, isGiven: IsGiven): Warning[] {
  const given = isGiven(["hostname"]);
  const isPublic = [...listen.smtp, ...listen.submission, ...listen.submissions].some(isOffLoopback);
  if (hostname.includes(".") || (hostname === "localhost" && !isPublic) || !(given || isPublic)) return [];
  const what = `"${hostname}" has no dot: other servers refuse mail from a name that the DNS doesn't know`;
  return [{ path: ["hostname"], text: `${what}; a full name is right, such as "mail.example.org"` }];
}

function networks({ relay, admin }: Config): Warning[] {
  const strangers = "holds strangers";
  return [
    ...relay.networks.filter(isOpen).map((network) => ({
      path: ["relay", "networks", relay.networks.indexOf(network)],
      text:
        `${network} ${strangers}: who is in it sends mail to anybody through this server, an open relay; ` +
        "the networks of your own clients are right",
    })),
    ...admin.proxies.filter(isOpen).map((network) => ({
      path: ["admin", "proxies", admin.proxies.indexOf(network)],
      text: `${network} ${strangers}: who is in it is believed whatever address it says it has; ` +
        "the addresses of your own proxies are right",
    })),
  ];
}

/** Is it a network of more addresses than one house has? */
function isOpen(network: string): boolean {
  const bits = Number(network.slice(network.indexOf("/") + 1));
  return bits < (network.includes(":") ? OPEN_BITS.v6 : OPEN_BITS.v4);
}

function clearText({ auth, admin, listen, relay, outbound, vrfy, expn }: Config): Warning[] {
  const found: Warning[] = [];
  const logins = [...listen.submission, ...listen.pop3, ...listen.imap].filter(isOffLoopback);
  if (auth.allowInsecure && logins.length > 0) {
    found.push({
      path: ["auth", "allowInsecure"],
      text: "passwords may cross the network unencrypted; false is right, and programs that use TLS",
    });
  }
  if (admin.allowInsecure && listen.admin.some(isOffLoopback)) {
    found.push({
      path: ["admin", "allowInsecure"],
      text: "the admin token and all mail cross the network unencrypted; a proxy with TLS before it is right",
    });
  }
  const hosts = [
    { path: ["relay", "smartHost"], host: relay.smartHost },
    ...Object.entries(outbound.domains).map(([domain, { smartHost }]) => ({
      path: ["outbound", "domains", domain, "smartHost"],
      host: smartHost ?? null,
    })),
  ];
  for (const { path, host } of hosts) {
    if (host === null || host.user === undefined || host.tls !== "never" || isLocal(host.host)) continue;
    found.push({
      path: [...path, "tls"],
      text: 'the password goes over the network unencrypted; "require" or "implicit" is right',
    });
  }
  for (const [key, policy] of [["vrfy", vrfy], ["expn", expn]] as const) {
    if (policy !== "always" || !listen.smtp.some(isOffLoopback)) continue;
    found.push({
      path: [key],
      text: `"always" tells every stranger who has a mailbox here; "authenticated" is right`,
    });
  }
  return found;
}

function queue({ queue: { retry, warnAfter, giveUpAfter, concurrency }, lease }: Config): Warning[] {
  const found: Warning[] = [];
  const end = formatDuration(giveUpAfter);
  if (warnAfter >= giveUpAfter) {
    found.push({
      path: ["queue", "warnAfter"],
      text:
        `${formatDuration(warnAfter)} is not before queue.giveUpAfter (${end}): no sender is warned that a ` +
        "message waits; less is right",
    });
  }
  if (retry[0]! >= giveUpAfter) {
    found.push({
      path: ["queue", "retry"],
      text: `the first interval, ${formatDuration(retry[0]!)}, is not before queue.giveUpAfter (${end}): ` +
        "nothing is tried a second time before it goes back; less is right",
    });
  }
  if (concurrency === 0) {
    found.push({
      path: ["queue", "concurrency"],
      text: "0: mail to other servers waits until this is 1 or more, and goes back when its time is over",
    });
  }
  if (lease < SHORT_LEASE_MS) {
    found.push({
      path: ["lease"],
      text:
        `${formatDuration(lease)} is short: another server may take over what this one delivers when it is ` +
        `busy for a moment, and it arrives twice; ${formatDuration(SHORT_LEASE_MS)} or more is right`,
    });
  }
  return found;
}

function webhooks({ webhooks }: Config): Warning[] {
  return webhooks.flatMap(({ url, events, secret, allowPrivate }, i): Warning[] => {
    const found: Warning[] = [];
    if (events.length === 0) {
      found.push({ path: ["webhooks", i, "events"], text: "an empty list: nothing is ever posted there" });
    }
    if (!allowPrivate && isLocal(new URL(url).hostname.replace(/^\[|\]$/g, ""))) {
      found.push({
        path: ["webhooks", i, "url"],
        text: "this is an address of the machine itself, which is posted to only with allowPrivate: true",
      });
    }
    const first = webhooks.findIndex((other) => other.url === url);
    if (first < i && secret !== webhooks[first]!.secret) {
      found.push({
        path: ["webhooks", i, "secret"],
        text: `does nothing: webhooks[${first}] has the same URL, and its secret counts`,
      });
    }
    return found;
  });
}

/** Rules for what never happens. */
function idleRules({ outbound, domains, listen }: Config): Warning[] {
  const found: Warning[] = Object.keys(outbound.domains).filter((domain) => domains.includes(domain))
    .map((domain) => ({
      path: ["outbound", "domains", domain],
      text: `does nothing: mail for ${domain} is delivered here, as "domains" says`,
    }));
  if (Object.values(listen).every((endpoints) => endpoints.length === 0)) {
    found.push({ path: ["listen"], text: "nothing is listened to: nobody can bring or fetch mail" });
  }
  return found;
}

function isOffLoopback({ hostname }: Endpoint): boolean {
  return !isLocal(hostname);
}

function isLocal(host: string): boolean {
  return isLoopback(host) || host === "localhost";
}
