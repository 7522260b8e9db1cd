/**
 * dinopost: a self-contained mail server for Deno. SMTP, POP3, a queue that loses nothing, and an HTTP surface in
 * one process, as a program (`deno run -A mod.ts serve`) and as a module.
 *
 * @example A server inside a program
 * ```ts
 * import { loadConfig, MailServer } from "@dinopost/dinopost";
 *
 * const config = await loadConfig({
 *   text: `{
 *     "domains": ["example.org"],
 *     "listen": { "smtp": ["127.0.0.1:0"], "pop3": [], "admin": [] },
 *     "accounts": { "brain@example.org": { "password": "secret" } }
 *   }`,
 * });
 * await using server = await MailServer.start(config, { inMemory: true });
 * console.log(server.addresses.smtp);
 * ```
 *
 * @module
 */

export { MailServer, type MailServerOptions } from "./src/mail_server.ts";
export type { Config } from "./src/config/config.ts";
export { loadConfig } from "./src/config/load.ts";
export { SmtpServer, type SmtpServerOptions } from "./src/smtp/server/server.ts";
export { SmtpClient } from "./src/smtp/client/client.ts";
export { Pop3Server, type Pop3ServerOptions } from "./src/pop3/server.ts";
export { MxResolver } from "./src/dns/mx_resolver.ts";
export { DeliveryQueue } from "./src/queue/queue.ts";
export type { DeliveryQueueOptions } from "./src/queue/options.ts";
export { MailStore } from "./src/mailbox/mail_store.ts";
export { FolderError } from "./src/mailbox/folders.ts";
export { createAdminApp } from "./src/api/admin_app.ts";
export type * from "./src/types.ts";

if (import.meta.main) {
  const { heedDenoCert } = await import("./src/wire/roots.ts");
  heedDenoCert();
  const { main } = await import("./src/cli/main.ts");
  Deno.exitCode = await main(Deno.args);
}
