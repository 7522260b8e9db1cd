/** What a person is told by a server that captures: where it is, and what to tell the program that sends. */

import { formatSize } from "../base/units.ts";
import type { CaptureConfig, Config } from "../config/config.ts";
import { isOpen } from "../server/capture.ts";
import { VERSION } from "./version.ts";

/** What is told of the server. */
interface CapturingServer {
  /** `host:port` by kind of listener. */
  readonly addresses: Readonly<Record<string, readonly string[]>>;
  readonly adminToken: string;
}

/** The lines after the start. */
export function captureWelcome(
  server: CapturingServer,
  { config, url }: { config: Config; url: string | undefined },
): string[] {
  const { smtp, submission, pop3 } = server.addresses;
  const rows: [string, string][] = [
    ["SMTP", [...smtp ?? [], ...submission ?? []].join(", ")],
    ["POP3", (pop3 ?? []).join(", ")],
    ["Page and API", url ?? ""],
    ["Messages", kept(config.capture as CaptureConfig, config.dataDir)],
    ["Token", config.admin.token === null && !isOpen(config) ? server.adminToken : ""],
  ];
  return [
    `dinopost ${VERSION} takes all mail for everybody and delivers none.`,
    "",
    ...rows.filter(([, value]) => value !== "").map(([name, value]) => `  ${name.padEnd(14)}${value}`),
    "",
    "For the program that sends, whatever it calls them (any user, any password, no TLS):",
    ...settings(smtp?.[0] ?? submission?.[0]),
    ...(url === undefined ? [] : [
      "For its tests:",
      `  curl -X POST ${url}/api/v1/inboxes`,
      `  curl '${url}/api/v1/wait?mailbox=jo@example.org&timeout=5s'`,
    ]),
    "Ctrl-C stops it.",
  ];
}

function kept({ messages, size, memory }: CaptureConfig, dataDir: string): string {
  return `in ${memory ? "memory" : dataDir}, the newest ${messages} or ${formatSize(size)}`;
}

function settings(address: string | undefined): string[] {
  if (address === undefined) return [];
  const colon = address.lastIndexOf(":");
  const host = address.slice(0, colon);
  return [
    `  SMTP_URL=smtp://${address}`,
    `  SMTP_HOST=${host.replace(/^\[|\]$/g, "")}`,
    `  SMTP_PORT=${address.slice(colon + 1)}`,
  ];
}
