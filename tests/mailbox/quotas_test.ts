import { assert, assertEquals } from "@std/assert";
import { Door, line } from "../intake/support.ts";

const TEXT = `Subject: x\r\n\r\n${"x".repeat(900)}\r\n`;

Deno.test("Quotas: many who deliver at once don't all see the same room", async () => {
  await using door = await Door.open({ quotas: { brain: 3_000 } });
  const answers = await Promise.all(
    Array.from({ length: 20 }, async () => line((await door.send(["brain@here.example"], TEXT)) as never)),
  );
  const yes = answers.filter((a) => a?.startsWith("250")).length;
  const { bytes, messages } = await door.house.mailStore.usage("brain@here.example");
  assertEquals(messages, yes);
  assert(yes >= 1 && bytes <= 3_000, `${yes} messages, ${bytes} bytes`);
  assertEquals(answers.filter((a) => a?.startsWith("452 4.2.2")).length, 20 - yes);
});

Deno.test("Quotas: what is given back without a message can be taken again, to the last byte", async () => {
  await using door = await Door.open({ quotas: { brain: 1_000 } });
  const { quotas } = door.house;
  for (let i = 0; i < 3; i++) {
    const all = await quotas.take("Brain@here.example", () => 1_000);
    assert(all);
    assertEquals(await quotas.take("brain@here.example", () => 1), undefined);
    all();
  }
  assertEquals(await quotas.take("brain@here.example", () => 1_001), undefined);
});

Deno.test("Quotas: mailboxes that wait for room get no more than there is when they are tried at once", async () => {
  await using door = await Door.open({ quotas: { brain: 10 } });
  const to = ["brain@here.example", "pinky@here.example"];
  for (let i = 0; i < 5; i++) await door.send(to, TEXT);
  await door.house.accounts.update("brain@here.example", { quota: 2_600 });
  await door.house.pass(16 * 60_000);
  const { bytes, messages } = await door.house.mailStore.usage("brain@here.example");
  assertEquals(messages, 2);
  assert(bytes <= 2_600);
});

Deno.test("Quotas: an account that another server has just made is asked for its quota as it was found", async () => {
  await using door = await Door.open();
  const { quotas } = door.house;
  const address = "new@here.example";
  const account = { address, quota: 100, passwordHash: "", createdAt: 0 };
  assertEquals(await quotas.take(address, () => 101, account), undefined);
  assert(await quotas.take(address, () => 100, account));
});
