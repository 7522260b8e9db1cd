import { assertEquals, assertRejects } from "@std/assert";
import { ConfigError, loadConfig } from "../../src/config/load.ts";
import { readForeignEnvironment } from "../../src/config/foreign_environment.ts";

Deno.test("The variables of Mailpit and MailHog that mean something are taken in capture mode, and only there", async () => {
  const env = {
    MP_SMTP_BIND_ADDR: "127.0.0.1:2025",
    MP_UI_BIND_ADDR: "[::1]:9025",
    MP_POP3_BIND_ADDR: "127.0.0.1:2110",
    MP_MAX_MESSAGES: "500",
    MP_MAX_AGE: "3d",
    MP_DATABASE: "/var/lib/mailpit.db",
    MP_SMTP_TLS_CERT: "/etc/cert.pem",
    MP_SMTP_TLS_KEY: "/etc/key.pem",
    MP_SMTP_AUTH_ACCEPT_ANY: "1",
    MP_ALLOW_INTERNAL_HTTP_REQUESTS: "true",
    MH_HOSTNAME: "mail.example.org",
  };
  const config = await loadConfig({ env, capture: true });
  assertEquals(config.listen.smtp, [{ hostname: "127.0.0.1", port: 2025 }]);
  assertEquals(config.listen.admin, [{ hostname: "::1", port: 9025 }]);
  assertEquals(config.listen.pop3, [{ hostname: "127.0.0.1", port: 2110 }]);
  assertEquals(config.dataDir, "/var/lib/mailpit.dinopost");
  assertEquals(config.capture && [config.capture.messages, config.capture.age, config.capture.memory], [
    500,
    3 * 86_400_000,
    false,
  ]);
  assertEquals([config.tls?.cert, config.tls?.key], ["/etc/cert.pem", "/etc/key.pem"]);
  assertEquals([config.hostname, config.outbound.allowPrivate], ["mail.example.org", true]);
  const live = await loadConfig({ env });
  assertEquals([live.listen.smtp[0]?.port, live.capture], [2525, false]);
  const both = await loadConfig({ env: { ...env, DINOPOST_LISTEN_SMTP: "127.0.0.1:3025" }, capture: true });
  assertEquals(both.listen.smtp[0]?.port, 3025, "our own win");
});

Deno.test("What they leave open stays as it is here, and who may look is never forgotten", async () => {
  const load = (env: Record<string, string>) => loadConfig({ env, capture: true });
  const open = await load({ MP_MAX_MESSAGES: "0", MP_MAX_AGE: "", MP_DATABASE: "" });
  assertEquals(open.capture && [open.capture.messages, open.capture.memory], [100_000, true]);
  await assertRejects(() => load({ MP_UI_AUTH_FILE: "/etc/htpasswd" }), ConfigError, "DINOPOST_ADMIN_TOKEN");
  await assertRejects(() => load({ MH_AUTH_FILE: "/etc/htpasswd" }), ConfigError, "DINOPOST_ADMIN_TOKEN");
  await assertRejects(
    () => load({ MP_SMTP_BIND_ADDR: ":1025" }),
    ConfigError,
    "MP_SMTP_BIND_ADDR: received 0.0.0.0:1025",
  );
  const guarded = await load({ MP_UI_AUTH: "anna:s3cret ben:other", MP_SMTP_BIND_ADDR: ":1025" });
  assertEquals([guarded.admin.token, guarded.listen.smtp[0]?.hostname], ["s3cret", "0.0.0.0"]);
});

Deno.test("Those that mean nothing are named", () => {
  const { ignored } = readForeignEnvironment({
    MP_WEBROOT: "/x",
    MH_STORAGE: "maildir",
    MP_MAX_AGE: "1d",
    MPX: "1",
  });
  assertEquals(ignored, ["MH_STORAGE", "MP_WEBROOT"]);
});
