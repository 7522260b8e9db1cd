import { assertEquals } from "@std/assert";
import { factsOf } from "../../src/http/audit.ts";
import { mayCall } from "../../src/http/roles.ts";

Deno.test("mayCall() lets read-only people read, and operators all but change people's names", () => {
  const table: [method: string, path: string, operator: boolean, readOnly: boolean][] = [
    ["GET", "/api/v1/accounts", true, true],
    ["HEAD", "/queue", true, true],
    ["POST", "/api/v1/queue/7/retry", true, false],
    ["POST", "/queue/act", true, false],
    ["DELETE", "/api/v1/mailboxes/a@b.example/messages/1", true, false],
    ["POST", "/api/v1/accounts", false, false],
    ["PATCH", "/api/v1/accounts/a@b.example", false, false],
    ["POST", "/api/v1/accounts/a@b.example/app-passwords", false, false],
    ["PUT", "/api/v1/aliases/a@b.example", false, false],
    ["POST", "/aliases/remove", false, false],
    ["POST", "/accounts", false, false],
    ["POST", "/%61ccounts", false, false],
    ["POST", "//accounts", false, false],
    ["DELETE", "/api/v1/webhooks/dead/1", false, false],
    ["POST", "/api/v1/backup", false, false],
    ["DELETE", "/api/v1/session", true, true],
    ["POST", "/logout", true, true],
  ];
  for (const [method, path, operator, readOnly] of table) {
    assertEquals(mayCall("admin", method, path), true);
    assertEquals([mayCall("operator", method, path), mayCall("read-only", method, path)], [
      operator,
      readOnly,
    ], path);
  }
});

Deno.test("factsOf() says what a call did, with what", () => {
  const table: [method: string, path: string, body: unknown, want: [string, string] | undefined][] = [
    ["POST", "/api/v1/queue/1M8/retry", undefined, ["queue.retry", "1M8"]],
    ["DELETE", "/api/v1/queue/1M8", undefined, ["queue.delete", "1M8"]],
    ["POST", "/api/v1/queue/flush", { domain: "a.example" }, ["queue.flush", "a.example"]],
    ["POST", "/api/v1/queue/flush", {}, ["queue.flush", ""]],
    ["POST", "/api/v1/queue/actions", { action: "hold", ids: ["1", "2"] }, ["queue.hold", "1 2"]],
    ["POST", "/api/v1/queue/actions", { action: "hold", filter: { domain: "a" } }, [
      "queue.hold",
      '{"domain":"a"}',
    ]],
    ["POST", "/api/v1/queue/actions", { action: "hold", all: true }, ["queue.hold", "all"]],
    ["POST", "/queue/act", { do: "retry", id: ["1", "2"] }, ["queue.retry", "1 2"]],
    ["POST", "/api/v1/accounts", { address: "a@b.example", password: "x" }, [
      "accounts.create",
      "a@b.example",
    ]],
    ["PATCH", "/api/v1/accounts/a%40b.example", { password: "x" }, ["accounts.update", "a@b.example"]],
    ["POST", "/accounts/a%40b.example/remove", {}, ["accounts.delete", "a@b.example"]],
    ["POST", "/accounts/a%40b.example", { name: "A" }, ["accounts.update", "a@b.example"]],
    ["DELETE", "/api/v1/accounts/a@b.example", undefined, ["accounts.delete", "a@b.example"]],
    ["POST", "/api/v1/accounts/a@b.example/app-passwords", { name: "phone" }, [
      "app-passwords.create",
      "a@b.example phone",
    ]],
    ["DELETE", "/api/v1/accounts/a@b.example/app-passwords/phone", undefined, [
      "app-passwords.delete",
      "a@b.example phone",
    ]],
    ["PUT", "/api/v1/aliases/a@b.example", { targets: [] }, ["aliases.set", "a@b.example"]],
    ["POST", "/aliases/remove", { address: "a@b.example" }, ["aliases.delete", "a@b.example"]],
    ["DELETE", "/api/v1/mailboxes/a@b.example/messages/7", undefined, ["messages.delete", "a@b.example 7"]],
    ["PUT", "/api/v1/suspensions/a.example", {}, ["suspensions.set", "a.example"]],
    ["POST", "/domains/a.example", { do: "pause" }, ["domains.pause", "a.example"]],
    ["PUT", "/api/v1/faults", [], ["faults.set", ""]],
    ["POST", "/api/v1/webhooks/dead/msg_1M8/retry", undefined, ["webhooks.retry", "msg_1M8"]],
    ["DELETE", "/api/v1/webhooks/dead/msg_1M8", undefined, ["webhooks.delete", "msg_1M8"]],
    ["POST", "/webhooks", { do: "retry", of: "msg_1M8" }, ["webhooks.retry", "msg_1M8"]],
    ["DELETE", "/api/v1/mailboxes/a@b.example/folders/links", undefined, [
      "folders.delete",
      "a@b.example links",
    ]],
    ["DELETE", "/api/v1/accounts/links", undefined, ["accounts.delete", "links"]],
    ["PUT", "/api/v1/messages", { IDs: ["1", "2"], Read: true }, ["messages.set", "1 2"]],
    ["PUT", "/api/v2/jim", {}, ["jim.set", ""]],
    ["POST", "/mailboxes/a@b.example", { do: "delete", uid: ["1", "2"] }, [
      "mailboxes.delete",
      "a@b.example 1 2",
    ]],
    ["POST", "/captured", { uid: ["1", "2"] }, ["captured.delete", "1 2"]],
    ["POST", "/captured", { all: "1" }, ["captured.delete", "all"]],
    ["POST", "/captured/1M8/release", { to: "a@b.example" }, ["captured.release", "1M8"]],
    ["POST", "/api/v1/send", {}, undefined],
    ["POST", "/api/v1/messages", {}, undefined],
    ["DELETE", "/api/v1/session", undefined, undefined],
  ];
  for (const [method, path, body, want] of table) {
    const got = factsOf({ method, path, body });
    assertEquals(got && [got.action, got.target], want, `${method} ${path}`);
  }
});
