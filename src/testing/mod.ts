/**
 * The harness: real mail servers inside a test, on a loopback internet with DNS of its own and a clock that the
 * test moves. Five days of retries pass in a second.
 *
 * @example A message, and a host that is down for a while
 * ```ts
 * import { LoopbackInternet } from "@dinopost/dinopost/testing";
 *
 * await using internet = await LoopbackInternet.start();
 * const ours = await internet.host("howstuffworks.com", { accounts: { brain: "secret" } });
 * const theirs = await internet.host("mindspring.com", { accounts: { jsmith: "secret" } });
 * await theirs.down();
 * await ours.send({ from: "brain@howstuffworks.com", to: ["jsmith@mindspring.com"], text: "Subject: Hello\r\n\r\nHi\r\n" });
 * await internet.pass("1h");
 * await theirs.up();
 * await internet.pass("15m");
 * await theirs.waitForMessage("jsmith", (text) => text.includes("Subject: Hello"));
 * ```
 *
 * @module
 */

export { LoopbackInternet, type LoopbackInternetOptions } from "./loopback_internet.ts";
export { Host, type HostMessage, type HostOptions } from "./host.ts";
export { type ArrivedMail, Inbox, type InboxQuery, WaitError } from "./inbox.ts";
export type { AuthenticationResult, Mail, MailItem, ReceivedMail } from "../api/mail_json.ts";
export { Pop3Client } from "./pop3_client.ts";
export { type DnsFault, type DnsQuery, DnsServer, type ZoneEntry, type Zones } from "./dns_server.ts";
export { FaultRuleRefused, FaultRules } from "../faults/rules.ts";
export type { FaultRuleError } from "../faults/rule.ts";
export { ScriptedPeer } from "./scripted_peer.ts";
export {
  type ActualMail,
  assertLines,
  assertMail,
  type Expected,
  type ExpectedMail,
  MailAssertionError,
} from "./assertions.ts";
export { type MemoryConn, memoryPair, type MemoryPairOptions } from "../wire/memory_conn.ts";
export { ManualClock } from "../base/manual_clock.ts";
export { seededRandom } from "../base/random.ts";
export type { MailServer } from "../mail_server.ts";
export type * from "../types.ts";
export type { Answer, Answers, PeerMessage, PeerScript, PeerSession, PeerStage } from "./peer_script.ts";
