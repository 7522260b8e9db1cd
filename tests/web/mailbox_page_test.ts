import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Surface } from "../api/harness.ts";
import { Visitor } from "./visitor.ts";

const BRAIN = "brain@example.org";
const PATH = `/mailboxes/${encodeURIComponent(BRAIN)}`;

interface Item {
  readonly uid: string;
  readonly subject: string;
  readonly folder: string;
  readonly flags: string[];
}

async function itemsOf(surface: Surface, query = ""): Promise<Item[]> {
  return (await surface.json("GET", `/mailboxes/${BRAIN}/messages${query}`)).items;
}

/** The subjects of a list. */
function subjects(html: string): string[] {
  return [...html.matchAll(/class="row-link"[^>]*><bdi>([^<]*)</g)].map(([, text]) => text!);
}

Deno.test("folders are made, shown, renamed and deleted by forms, and what can't be is told", async () => {
  await using surface = await Surface.start();
  const visitor = await Visitor.of(surface);
  await surface.send({ to: [BRAIN] }, "Subject: one\r\n\r\nx\r\n");
  const start = await visitor.get(PATH);
  assertMatch(start, /aria-current="page" class="level-1 has-unseen"[^>]*><bdi>INBOX<\/bdi>.*?>1</s);
  const made = await visitor.post(`${PATH}/folders`, [["name", "Clients/<b>"]], 303);
  assertStringIncludes(made, "The folder Clients/&lt;b&gt; is there");
  assertStringIncludes(made, "There is nothing in Clients/&lt;b&gt;");
  const there = await visitor.post(`${PATH}/folders`, [["name", "Clients"]], 303);
  assertStringIncludes(there, "There is a folder Clients already");
  const [uid] = (await itemsOf(surface)).map((item) => item.uid);
  await visitor.post(PATH, [["do", "move"], ["to", "Clients/<b>"], ["uid", uid!]], 303);
  const folder = `${PATH}/folders/${encodeURIComponent("Clients/<b>")}`;
  const renamed = await visitor.post(folder, [["do", "rename"], ["name", "Old"]], 303);
  assertEquals(subjects(renamed), ["one"]);
  const asked = await visitor.post(`${PATH}/folders/Old`, [["do", "delete"]], 200);
  assertStringIncludes(asked, "Old, with 1 message, for good.");
  const gone = await visitor.post(`${PATH}/folders/Old`, [["do", "delete"], ["sure", "1"]], 303);
  assertStringIncludes(gone, "The folder Old is gone");
  assertEquals(await itemsOf(surface), []);
  const kept = await visitor.post(`${PATH}/folders/INBOX`, [["do", "delete"], ["sure", "1"]], 303);
  assertStringIncludes(kept, "INBOX can&#39;t be deleted");
  const { items } = await surface.json("GET", "/audit");
  assertEquals(items.slice(-1).map((one: { action: string; target: string }) => [one.action, one.target]), [
    ["folders.create", `${BRAIN} Clients/<b>`],
  ]);
});

Deno.test("mail is flagged, read, moved and back, and deleted by way of Trash", async () => {
  await using surface = await Surface.start();
  const visitor = await Visitor.of(surface);
  const ids: string[] = [];
  for (const name of ["one", "two", "three"]) {
    ids.push(await surface.send({ to: [BRAIN] }, `Subject: ${name}\r\n\r\nx\r\n`));
  }
  const flagged = await visitor.post(PATH, [["star", ids[0]!], ["back", PATH]], 303);
  assertMatch(flagged, /aria-label="Flag one" aria-pressed="true"/);
  assertMatch(flagged, /aria-label="Flag two" aria-pressed="false"/);
  const chosen: [string, string][] = [["uid", ids[0]!], ["uid", ids[1]!]];
  await visitor.post(PATH, [["do", "read"], ...chosen], 303);
  assertEquals((await itemsOf(surface)).map(({ flags }) => flags), [[], ["\\Seen"], ["\\Flagged", "\\Seen"]]);
  const moved = await visitor.post(PATH, [["do", "trash"], ...chosen, ["back", PATH]], 303);
  assertStringIncludes(moved, "2 messages moved to Trash");
  assertEquals(subjects(moved), ["three"]);
  // the notice's form takes it back
  const undo = /<form method="post" action="([^"]+)"[^>]*>((?:<input[^>]*>)*)<button[^>]*>Undo/.exec(moved)!;
  const fields = [...undo[2]!.matchAll(/name="(do|to|uid)" value="([^"]*)"/g)].map((
    [, name, value],
  ): [string, string] => [name!, value!]);
  await visitor.post(undo[1]!, fields, 303);
  assertEquals((await itemsOf(surface, "?folder=INBOX")).length, 3);
  await visitor.post(PATH, [["do", "trash"], ["uid", ids[2]!]], 303);
  const trash = `${PATH}?folder=Trash`;
  assertEquals(subjects(await visitor.get(trash)), ["three"]);
  assertStringIncludes(await visitor.get(`${PATH}/${ids[2]}`), "Delete this message for good?");
  const asked = await visitor.post(PATH, [["do", "delete"], ["uid", ids[2]!], ["back", trash]], 200);
  assertStringIncludes(asked, "will be gone for good");
  const gone = await visitor.post(
    PATH,
    [["do", "delete"], ["sure", "1"], ["uid", ids[2]!], ["back", trash]],
    303,
  );
  assertStringIncludes(gone, "There is nothing in Trash");
  // a folder or all of them are searched
  assertEquals(subjects(await visitor.get(`${PATH}?q=x`)), ["two", "one"]);
  assertEquals(subjects(await visitor.get(`${PATH}?q=is:flagged&folder=INBOX`)), ["one"]);
  assertEquals(subjects(await visitor.get(`${PATH}?q=x&folder=Trash`)), []);
  const all = await visitor.get(`${PATH}?folder=`);
  assertEquals([...all.matchAll(/class="where">([^<]*)</g)].map(([, name]) => name), ["INBOX", "INBOX"]);
  const nowhere = await surface.call("GET", `/mailboxes/${BRAIN}/messages?folder=x`);
  assertEquals(nowhere.status, 404);
  assertStringIncludes(
    await visitor.post(PATH, [["do", "move"], ["uid", ids[0]!]], 303),
    "No folder was chosen",
  );
  const wrong = await visitor.post(PATH, [["do", "move"], ["to", "Nowhere"], ["uid", ids[0]!]], 404);
  assertStringIncludes(wrong, "Nowhere");
  await visitor.post(PATH, [["do", "zort"], ["uid", ids[0]!]], 422);
  // Trash is what it is for, whatever it is called; without it mail goes for good, and it is asked
  await surface.json("PATCH", `/mailboxes/${BRAIN}/folders/Trash`, { body: { name: "Papierkorb" } });
  await visitor.post(PATH, [["do", "trash"], ["uid", ids[0]!]], 303);
  assertEquals((await itemsOf(surface, "?folder=Papierkorb")).map(({ uid }) => uid), [ids[0]]);
  await surface.json("DELETE", `/mailboxes/${BRAIN}/folders/Papierkorb`, { status: 204 });
  const without = await visitor.post(PATH, [["do", "trash"], ["uid", ids[1]!]], 200);
  assertStringIncludes(without, "will be gone for good");
  assertEquals((await itemsOf(surface)).map(({ uid }) => uid), [ids[1]]);
});

Deno.test("a message is written, kept, gone on with and sent", async () => {
  await using surface = await Surface.start({
    config: {
      accounts: {
        [BRAIN]: { password: "narf", name: 'The "Brain"' },
        "pinky@example.org": { password: "narf" },
      },
    },
  });
  const visitor = await Visitor.of(surface);
  const write = `${PATH}/write`;
  assertStringIncludes(await visitor.get(write), "Write a message");
  const letter = (more: Record<string, string>): [string, string][] =>
    Object.entries({ to: "", cc: "", bcc: "", subject: "Grüße", text: "\r\nNarf!\r\n", ...more });
  const kept = await visitor.post(write, letter({ do: "save", to: "half an addr" }), 303);
  assertStringIncludes(kept, "The draft is kept");
  const [draft] = await itemsOf(surface);
  assertEquals([draft!.folder, draft!.flags], ["Drafts", ["\\Seen", "\\Draft"]]);
  assertStringIncludes(kept, `name="draft" value="${draft!.uid}"`);
  assertMatch(kept, /<textarea[^>]*>\n\r?\nNarf!/);
  assertStringIncludes(await visitor.get(`${PATH}/${draft!.uid}`), `${write}?draft=${draft!.uid}`);

  // what can't be sent is shown again with what was written
  const refused: [Record<string, string>, string][] = [
    [{}, "Say whom it goes to"],
    [{ to: "half an addr" }, "half an addr"],
    [{ to: "nobody@example.org" }, "no such user here"],
  ];
  for (const [more, says] of refused) {
    const again = await visitor.post(write, letter({ do: "send", draft: draft!.uid, ...more }), 422);
    assertStringIncludes(again, says);
    assertStringIncludes(again, "Narf!");
  }
  assertEquals((await itemsOf(surface)).map(({ uid }) => uid), [draft!.uid]);

  const sent = await visitor.post(
    write,
    letter({ do: "send", draft: draft!.uid, to: "Pinky <pinky@example.org>", bcc: BRAIN }),
    303,
  );
  assertStringIncludes(sent, "The message is sent");
  assertEquals((await itemsOf(surface)).map(({ folder, subject }) => [folder, subject]).sort(), [
    ["INBOX", "Grüße"],
    ["Sent", "Grüße"],
  ]);
  const got = await surface.json("GET", "/wait?mailbox=pinky@example.org&subject=Gr");
  assertEquals([got.from, got.text.trim()], ["The Brain <brain@example.org>", "Narf!"]);
  assert(!got.headers.some(({ name }: { name: string }) => name === "Bcc"));
  const [copy] = await itemsOf(surface, "?folder=Sent");
  const { headers } = await surface.json("GET", `/mailboxes/${BRAIN}/messages/${copy!.uid}`);
  assert(
    headers.some(({ name, value }: { name: string; value: string }) => name === "Bcc" && value === BRAIN),
  );

  // what this page would lose stays as it is
  const { uid } = await surface.json("POST", `/mailboxes/${BRAIN}/messages`, {
    body: { html: "<p>x</p>", subject: "rich" },
    status: 201,
  });
  const response = await visitor.post(write, letter({ do: "save", draft: uid }), 409);
  assertStringIncludes(response, "would lose");
  assertEquals((await itemsOf(surface, "?folder=Drafts")).map((item) => item.uid), [uid]);
});

Deno.test("who may only read is offered nothing that changes", async () => {
  const eye = "only-looks-at-what-is-there";
  await using surface = await Surface.start({
    config: { admin: { token: "sesame-opens-the-door", users: { eye: { token: eye, role: "read-only" } } } },
  });
  const id = await surface.send({ to: [BRAIN] }, "Subject: one\r\n\r\nx\r\n");
  const visitor = await Visitor.of(surface, eye);
  for (const path of [PATH, `${PATH}?folder=`, `${PATH}/${id}`]) {
    const text = await visitor.get(path);
    assert(!/name="star"|name="do"|\/write|New folder/.test(text), path);
  }
});
