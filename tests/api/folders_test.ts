import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Surface, TOKEN } from "./harness.ts";

const BOX = "/mailboxes/brain@example.org";

type Item = { uid: string; subject: string; folder: string; flags: string[]; seen: boolean };

Deno.test("a mailbox tells its folders, and they are made, renamed, hidden and deleted", async () => {
  await using surface = await Surface.start();
  const { items, cursor } = await surface.json("GET", `${BOX}/folders`);
  assertEquals(cursor, null);
  assertEquals(items[0], {
    name: "INBOX",
    specialUse: null,
    subscribed: true,
    messages: 0,
    unseen: 0,
    bytes: 0,
  });
  assertEquals(items.map((f: { name: string; specialUse: string }) => [f.name, f.specialUse]).slice(1), [
    ["Archive", "Archive"],
    ["Drafts", "Drafts"],
    ["Junk", "Junk"],
    ["Sent", "Sent"],
    ["Trash", "Trash"],
  ]);
  const made = await surface.json("POST", `${BOX}/folders`, { body: { name: "Clients/Größe" }, status: 201 });
  assertEquals([made.name, made.subscribed], ["Clients/Größe", true]);
  const path = `${BOX}/folders/${encodeURIComponent("Clients/Größe")}`;
  assertEquals(await surface.json("GET", path), made);
  await surface.json("POST", `${BOX}/folders`, { body: { name: "Clients" }, status: 409 });
  const renamed = await surface.json("PATCH", `${BOX}/folders/Clients`, {
    body: { name: "Kunden", subscribed: false },
  });
  assertEquals([renamed.name, renamed.subscribed], ["Kunden", false]);
  await surface.json("GET", path, { status: 404 });
  await surface.json("DELETE", `${BOX}/folders/Kunden%2FGr%C3%B6%C3%9Fe`, { status: 204 });
  const refused: [string, string, unknown, number, string][] = [
    ["DELETE", "/folders/INBOX", undefined, 422, "INBOX"],
    ["DELETE", "/folders/Nowhere", undefined, 404, "Nowhere"],
    ["PATCH", "/folders/Nowhere", { name: "x" }, 404, "Nowhere"],
    ["PATCH", "/folders/Sent", { name: "Drafts" }, 409, "Drafts"],
    ["PATCH", "/folders/Sent", { colour: "red" }, 400, "colour"],
    ["POST", "/folders", { name: "a*b" }, 422, "*"],
    ["POST", "/folders", { name: "a//b" }, 422, "empty"],
    ["POST", "/folders", { name: 7 }, 400, "name"],
    ["POST", "/folders", {}, 400, "name"],
  ];
  for (const [method, rest, body, status, text] of refused) {
    const { detail } = await surface.json(method, BOX + rest, { body, status });
    assertStringIncludes(detail, text);
  }
  await surface.json("GET", "/mailboxes/nobody@example.org/folders", { status: 404 });
});

Deno.test("messages are flagged and moved, and every list tells where they are", async () => {
  await using surface = await Surface.start();
  const ids: string[] = [];
  for (const subject of ["one", "two", "three"]) {
    ids.push(await surface.send({ to: ["brain@example.org"] }, `Subject: ${subject}\r\n\r\nx\r\n`));
  }
  const path = `${BOX}/messages/${ids[0]}`;
  const moved: Item = await surface.json("PATCH", path, {
    body: { folder: "archive".replace("a", "A"), addFlags: ["\\flagged", "$Work"] },
  });
  assertEquals([moved.uid, moved.folder, moved.flags, moved.seen], [
    ids[0],
    "Archive",
    ["\\Flagged", "$Work"],
    false,
  ]);
  const subjects = async (query: string) =>
    (await surface.json("GET", `${BOX}/messages?${query}`)).items.map((m: Item) =>
      `${m.folder}: ${m.subject}`
    );
  assertEquals(await subjects(""), ["INBOX: three", "INBOX: two", "Archive: one"]);
  assertEquals(await subjects("folder=inbox"), ["INBOX: three", "INBOX: two"]);
  assertEquals(await subjects("folder=Archive"), ["Archive: one"]);
  assertEquals(await subjects("folder=Archive&q=x"), ["Archive: one"]);
  assertEquals(await subjects("folder=Trash&q=x"), []);
  assertEquals(await subjects("q=is:flagged"), ["Archive: one"]);
  assertEquals(await subjects("q=-is:flagged+folder:INBOX"), ["INBOX: three", "INBOX: two"]);
  assertEquals(await subjects("q=folder:archive"), ["Archive: one"]);
  // what searches keep hears of a folder's new name
  await surface.json("PATCH", `${BOX}/folders/Archive`, { body: { name: "Old" } });
  assertEquals(await subjects("folder=Old&q=x"), ["Old: one"]);
  const { detail } = await surface.json("GET", `${BOX}/messages?folder=Archive`, { status: 404 });
  assertStringIncludes(detail, "Archive");

  const set: Item = await surface.json("PATCH", path, { body: { flags: ["\\Seen", "\\Answered"] } });
  assertEquals([set.flags.toSorted(), set.seen, set.folder], [["\\Answered", "\\Seen"], true, "Old"]);
  const unread: Item = await surface.json("PATCH", path, { body: { removeFlags: ["\\Seen"] } });
  assertEquals([unread.flags, unread.seen], [["\\Answered"], false]);
  // looking at it reads it
  const shown: Item = await surface.json("GET", path);
  assertEquals([shown.folder, shown.flags], ["Old", ["\\Answered"]]);
  assertEquals((await surface.json("GET", `${BOX}/messages?folder=Old`)).items[0].seen, true);
  const counted = await surface.json("GET", `${BOX}/folders/INBOX`);
  assertEquals([counted.messages, counted.unseen], [2, 2]);

  const refused: [unknown, number, string][] = [
    [{ folder: "Nowhere" }, 404, "Nowhere"],
    [{ flags: ["\\Recent"] }, 422, "Recent"],
    [{ addFlags: ["two words"] }, 422, "two words"],
    [{ flags: [], addFlags: ["x"] }, 422, "addFlags"],
    [{ flags: "\\Seen" }, 400, "flags"],
    [{ seen: true }, 400, "seen"],
  ];
  for (const [body, status, text] of refused) {
    assertStringIncludes((await surface.json("PATCH", path, { body, status })).detail, text);
  }
  await surface.json("PATCH", `${BOX}/messages/1M85X0GES17DRES7`, { body: {}, status: 404 });
});

Deno.test("a copy has a name of its own, by which it is listed in pages, read and deleted", async () => {
  await using surface = await Surface.start();
  const id = await surface.send({ to: ["brain@example.org"] }, "Subject: twice\r\n\r\nx\r\n");
  using folders = await surface.server.mailStore.open("brain@example.org");
  using inbox = await folders.select(1);
  await inbox.copy(
    Uint32Array.of(inbox.messages.uid(0)),
    folders.byName("Work")?.id ?? (await folders.create("Work")).id,
  );
  const first = await surface.json("GET", `${BOX}/messages?limit=1`);
  assertEquals([first.items[0].uid, first.items[0].folder], [`${id}-1`, "Work"]);
  const next = await surface.json("GET", `${BOX}/messages?limit=1&cursor=${first.cursor}`);
  assertEquals(next.items.map((m: Item) => [m.uid, m.folder]), [[id, "INBOX"]]);
  assertEquals((await surface.json("GET", `${BOX}/messages/${id}-1`)).subject, "twice");
  await surface.json("DELETE", `${BOX}/messages/${id}-1`, { status: 204 });
  await surface.json("GET", `${BOX}/messages/${id}-1`, { status: 404 });
  await surface.json("GET", `${BOX}/messages/${id}`);
  await surface.json("GET", `${BOX}/messages/${id}-01`, { status: 404 });
});

Deno.test("a draft is put into its folder, whole or in parts, and nothing is sent", async () => {
  await using surface = await Surface.start();
  const parts = { to: ["half an addr"], bcc: ["Jo <jo@example.net>"], subject: "Grüße", text: "to be\n" };
  const draft: Item = await surface.json("POST", `${BOX}/messages`, { body: parts, status: 201 });
  assertEquals([draft.folder, draft.flags, draft.subject], ["Drafts", ["\\Seen", "\\Draft"], "Grüße"]);
  const raw = await (await surface.call("GET", `${BOX}/messages/${draft.uid}`, undefined, {
    accept: "message/rfc822",
  })).text();
  assertMatch(raw, /^Bcc: Jo <jo@example.net>\r$/m);
  assertMatch(raw, /^From: brain@example.org\r$/m);
  const put = async (query: string, text: string | Uint8Array<ArrayBuffer>, type = "message/rfc822") => {
    const response = await surface.fetch(`/api/v1${BOX}/messages${query}`, {
      method: "POST",
      headers: { authorization: `Bearer ${TOKEN}`, "content-type": type },
      body: text,
    });
    return { status: response.status, ...await response.json() };
  };
  const sent = await put("?folder=Sent&flags=%5CSeen&flags=$Own", "Subject: went\n\nbare\n");
  assertEquals([sent.status, sent.folder, sent.flags], [201, "Sent", ["\\Seen", "$Own"]]);
  const bytes = await (await surface.call("GET", `${BOX}/messages/${sent.uid}`, undefined, {
    accept: "message/rfc822",
  })).text();
  assertEquals(bytes, "Subject: went\r\n\r\nbare\r\n");
  assertEquals((await put("?flags=", "Subject: plain\r\n\r\n")).flags, []);
  assertEquals((await put("?folder=Nowhere", "Subject: x\r\n\r\n")).status, 404);
  assertEquals((await put("?flags=%5CRecent", "Subject: x\r\n\r\n")).status, 422);
  assertEquals((await put("", "Subject: x\r\n\r\n\0")).status, 422);
  assertEquals((await put("", "x", "text/plain")).status, 415);
  assertEquals((await put("", new Uint8Array(400 * 1024).fill(65))).status, 413);
  await surface.json("PATCH", "/accounts/brain@example.org", { body: { quota: 2000 } });
  const full = await put("", `Subject: x\r\n\r\n${"x".repeat(3000)}\r\n`);
  assertEquals(full.status, 409);
  // nothing is left of what was refused
  const { items } = await surface.json("GET", `${BOX}/messages`);
  assertEquals(items.map((m: Item) => m.subject), ["plain", "went", "Grüße"]);
  assertEquals((await surface.json("GET", "/queue")).items, []);
});

Deno.test("a wait is for a folder, and ends when a message is moved there", async () => {
  await using surface = await Surface.start();
  const wait = (query: string, status = 200) =>
    surface.json("GET", `/wait?mailbox=brain@example.org&${query}`, { status });
  const id = await surface.send({ to: ["brain@example.org"] }, "Subject: code\r\n\r\n1234\r\n");
  assertEquals((await wait("folder=inbox")).folder, "INBOX");
  const { nearest, arrived } = await wait("folder=Junk&timeout=50ms", 408);
  assertEquals([nearest.uid, nearest.folder, arrived[0].folder], [id, "INBOX", "INBOX"]);
  const waiting = wait("folder=Junk&subject=code&timeout=20s");
  const any = surface.json("GET", "/wait?folder=Junk&timeout=20s");
  await surface.json("PATCH", `${BOX}/messages/${id}`, { body: { folder: "Junk", addFlags: ["\\Flagged"] } });
  const found = await waiting;
  assertEquals([found.id, found.folder, found.flags, found.mailbox], [
    id,
    "Junk",
    ["\\Flagged"],
    "brain@example.org",
  ]);
  assertEquals((await any).id, id);
  // in no folder: wherever it is now
  assertEquals((await wait(`subject=code`)).folder, "Junk");
  await wait("folder=INBOX&timeout=50ms", 408);
  assertStringIncludes((await wait("folder=Nowhere", 404)).detail, "Nowhere");
  assertStringIncludes(
    (await surface.json("GET", "/wait?mailbox=nobody@example.org&folder=Nowhere", { status: 404 })).detail,
    "Nowhere",
  );
  await surface.json("GET", "/wait?folder=", { status: 400 });
});

Deno.test("captured mail is in INBOX, is read or not, and can't be moved", async () => {
  await using surface = await Surface.start({
    config: { capture: true, accounts: {}, aliases: {} },
  });
  const id = await surface.send({ to: ["any@where.example"] }, "Subject: caught\r\n\r\nx\r\n");
  const box = "/mailboxes/any@where.example";
  const { items: folders } = await surface.json("GET", `${box}/folders`);
  assertEquals(
    folders.map((f: { name: string; messages: number; unseen: number }) => [f.name, f.messages, f.unseen]),
    [
      ["INBOX", 1, 1],
    ],
  );
  const { items } = await surface.json("GET", `${box}/messages?folder=INBOX`);
  assertEquals([items[0].folder, items[0].flags], ["INBOX", []]);
  assertEquals((await surface.json("GET", `${box}/messages?folder=INBOX&q=caught`)).items.length, 1);
  await surface.json("GET", `${box}/messages?folder=Archive`, { status: 404 });
  const read = await surface.json("PATCH", `${box}/messages/${id}`, { body: { addFlags: ["\\Seen"] } });
  assertEquals([read.seen, read.flags], [true, ["\\Seen"]]);
  assertEquals((await surface.json("PATCH", `${box}/messages/${id}`, { body: { flags: [] } })).seen, false);
  await surface.json("PATCH", `${box}/messages/${id}`, { body: { addFlags: ["\\Flagged"] }, status: 422 });
  await surface.json("PATCH", `${box}/messages/${id}`, { body: { folder: "Archive" }, status: 404 });
  await surface.json("POST", `${box}/folders`, { body: { name: "New" }, status: 422 });
  await surface.json("DELETE", `${box}/folders/INBOX`, { status: 422 });
  await surface.json("POST", `${box}/messages`, { body: { text: "x" }, status: 422 });
  assertEquals((await surface.json("GET", "/wait?mailbox=any@where.example&folder=INBOX")).id, id);
  await surface.json("GET", "/wait?mailbox=any@where.example&folder=Archive", { status: 404 });
});
