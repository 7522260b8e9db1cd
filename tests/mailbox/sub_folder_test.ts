import { assertEquals } from "@std/assert";
import { detailOf, meantFolder } from "../../src/mailbox/sub_folder.ts";
import { LoopbackInternet } from "../../src/testing/mod.ts";

Deno.test("detailOf() is what stands behind the separator, of the mailbox's own name", () => {
  const rows: [recipient: string, detail: string | undefined][] = [
    ["brain+news@example.org", "news"],
    ["Brain+News@Example.Org", "News"],
    ["brain+a+b@example.org", "a+b"],
    ["brain+a/b@example.org", "a/b"],
    ['"brain+two words"@example.org', "two words"],
    ["brain@example.org", undefined],
    ["brain+@example.org", undefined],
    ["+news@example.org", undefined],
    ["staff+news@example.org", undefined],
    ["brain+news@example.net", undefined],
  ];
  for (const [recipient, detail] of rows) {
    assertEquals(detailOf(recipient, "brain@example.org", "+"), detail, recipient);
  }
  assertEquals(detailOf("brain--x@example.org", "brain@example.org", "--"), "x");
  assertEquals(detailOf("brain+news@example.org", "brain@example.org", ""), undefined);
});

Deno.test("meantFolder() is the very name, or the only one that is like it", () => {
  assertEquals(meantFolder("news", ["News", "news"]), "news");
  assertEquals(meantFolder("NEWS", ["News", "Other"]), "News");
  assertEquals(meantFolder("NEWS", ["News", "news"]), undefined);
  assertEquals(meantFolder("news", ["INBOX", "newsletter"]), undefined);
});

Deno.test("mail for a sub-address goes into the folder of who wants that, and is there", async () => {
  await using internet = await LoopbackInternet.start();
  const host = await internet.host("example.org", { accounts: { brain: "secret", pinky: "secret" } });
  const { accounts, mailStore } = host.server;
  await accounts.update("brain@example.org", { subFolders: true });
  for (const address of ["brain@example.org", "pinky@example.org"]) {
    using folders = await mailStore.open(address);
    await folders.create("News");
  }
  const to = [
    "brain+news@example.org",
    "brain+none@example.org",
    "brain@example.org",
    "pinky+news@example.org",
  ];
  for (const one of to) await host.send({ from: "brain@example.org", to: [one], subject: one, text: "Hi" });
  const found = async (address: string) => {
    using folders = await mailStore.open(address);
    return folders.list().filter(({ messages }) => messages > 0).map((
      { name, messages },
    ) => [name, messages]);
  };
  assertEquals(await found("brain@example.org"), [["INBOX", 2], ["News", 1]]);
  assertEquals(await found("pinky@example.org"), [["INBOX", 1]]);
});
