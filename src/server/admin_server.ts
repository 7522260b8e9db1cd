/** The admin HTTP server, made from a server's parts. */

import about from "../../deno.json" with { type: "json" };
import { steadyClock } from "../base/movable_clock.ts";
import { createAdminApp } from "../api/admin_app.ts";
import type { AdminApp } from "../http/app.ts";
import { webPage } from "../web/mount.ts";
import { queueDepth } from "../api/queue_depth.ts";
import { isOpen } from "./capture.ts";
import { DIALECTS } from "./dialects.ts";
import { serverGauges } from "./gauges.ts";
import { ownPolicies, ownSettings } from "./own_domains.ts";
import type { Parts } from "./parts.ts";

/** What is not a part. */
export interface AdminServerOptions {
  readonly token: string;
  /** `host:port` of every listener, by kind. */
  addresses(): Record<string, string[]>;
  /** Is the server ready to serve? */
  ready(): boolean;
  /** Lets time pass; absent: nobody can. */
  readonly advance?: ((ms: number) => Promise<void>) | undefined;
  /** Aborted when the server stops. */
  readonly closing: AbortSignal;
}

/** Makes it. */
export function makeAdminServer(parts: Parts, options: AdminServerOptions): AdminApp {
  const { config, agent, clock, metrics, queue, directory } = parts;
  const listeners = config.listen.admin.map((e) => e.hostname);
  for (const gauge of [...queueDepth(queue, clock), ...serverGauges(parts)]) metrics.gauge(gauge);
  return createAdminApp({
    ...parts,
    clock: steadyClock(clock),
    advance: options.advance,
    token: options.token,
    users: config.admin.users,
    open: isOpen(config),
    basic: config.capture !== false,
    captures: config.capture !== false,
    hosts: ["localhost", "127.0.0.1", "::1", config.hostname, ...listeners, ...config.admin.hosts],
    policyOf: ownPolicies(config),
    settingsOf: ownSettings(config),
    proxies: config.admin.proxies,
    domains: config.domains,
    route: (domain) => agent.route(domain),
    usesSmartHost: (domain) =>
      (config.outbound.domains[domain]?.smartHost ?? config.relay.smartHost) !== null,
    allowPrivate: config.outbound.allowPrivate,
    messageSize: config.limits.messageSize,
    giveUpAfter: config.queue.giveUpAfter,
    version: about.version,
    backups: directory?.backups,
    ready: () => options.ready(),
    closing: options.closing,
    metrics: () => metrics.text(),
    dialects: config.capture ? DIALECTS : undefined,
    page: webPage(parts, () => options.addresses()),
  });
}
