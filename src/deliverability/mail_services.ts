/** The services that people's mail programs use, as they are found: SRV records (RFC 6186, RFC 8314), Thunderbird's file. */

import { isLoopbackName } from "../base/ip.ts";
import type { Config } from "../config/config.ts";

/** How TLS begins: with the connection, or by STARTTLS. */
export type TlsStart = "implicit" | "starttls";

/** A service of this server. */
export interface MailService {
  readonly protocol: "imap" | "pop3" | "smtp";
  readonly tls: TlsStart;
  readonly port: number;
}

/** What a listener serves, and under which name it is looked for; the best choice first. */
const SERVICES = [
  ["imaps", "imap", "implicit", "_imaps"],
  ["imap", "imap", "starttls", "_imap"],
  ["pop3s", "pop3", "implicit", "_pop3s"],
  ["pop3", "pop3", "starttls", "_pop3"],
  ["submissions", "smtp", "implicit", "_submissions"],
  ["submission", "smtp", "starttls", "_submission"],
] as const;

/** The services that others than this machine can reach, one a kind, the best choice first. */
export function mailServices(listen: Config["listen"]): MailService[] {
  return SERVICES.flatMap(([kind, protocol, tls]) => {
    const endpoint = listen[kind].find(({ hostname }) => !isLoopbackName(hostname));
    return endpoint ? [{ protocol, tls, port: endpoint.port }] : [];
  });
}

/** The name of a service's SRV record, below its domain. */
export function serviceName({ protocol, tls }: MailService): string {
  return `${SERVICES.find(([, p, t]) => p === protocol && t === tls)![3]}._tcp`;
}

/**
 * What Thunderbird, K-9, FairEmail and others read at `autoconfig.DOMAIN` (the form "clientConfig" 1.1 of Mozilla): the
 * name of the account is the whole address, the password goes over TLS as it is.
 */
export function clientConfig(
  { domain, hostname, services }: { domain: string; hostname: string; services: readonly MailService[] },
): string {
  const servers = services.map(({ protocol, tls, port }) => {
    const element = protocol === "smtp" ? "outgoingServer" : "incomingServer";
    return [
      `    <${element} type="${protocol}">`,
      `      <hostname>${text(hostname)}</hostname>`,
      `      <port>${port}</port>`,
      `      <socketType>${tls === "implicit" ? "SSL" : "STARTTLS"}</socketType>`,
      "      <authentication>password-cleartext</authentication>",
      "      <username>%EMAILADDRESS%</username>",
      `    </${element}>`,
    ].join("\n");
  });
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<clientConfig version="1.1">',
    `  <emailProvider id="${text(domain)}">`,
    `    <domain>${text(domain)}</domain>`,
    `    <displayName>${text(domain)}</displayName>`,
    ...servers,
    "  </emailProvider>",
    "</clientConfig>",
    "",
  ].join("\n");
}

function text(value: string): string {
  return value.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
