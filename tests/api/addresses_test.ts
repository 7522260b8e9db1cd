import { assertEquals, assertStringIncludes } from "@std/assert";
import { Surface, TOKEN } from "./harness.ts";

// a + that is not encoded is a blank by the rules of forms

Deno.test("wait takes an address with + in mailbox, to and from, encoded or not", async () => {
  await using surface = await Surface.start();
  const id = await surface.send(
    { from: "shop+7@example.com", to: ["brain+tag@example.org"] },
    "From: A Shop <shop+7@example.com>\r\nSubject: Hi\r\n\r\nx\r\n",
  );
  for (
    const query of [
      "mailbox=brain@example.org&to=brain+tag@example.org",
      "to=brain%2Btag@example.org",
      "to=brain+tag",
      "from=shop+7@example.com",
      "from=A+Shop",
      "from=A%20Shop",
    ]
  ) assertEquals((await surface.json("GET", `/wait?${query}&timeout=1s`)).uid, id, query);
});

Deno.test("wait takes a mailbox with + in its name, and times with an offset", async () => {
  await using surface = await Surface.start();
  await surface.json("POST", "/accounts", { body: { address: "a+b@example.org" }, status: 201 });
  const id = await surface.send({ to: ["a+b@example.org"] }, "Subject: Hi\r\n\r\nx\r\n");
  for (const query of ["mailbox=a+b@example.org", "mailbox=a%2Bb@example.org", "mailbox=A+B@EXAMPLE.org"]) {
    assertEquals((await surface.json("GET", `/wait?${query}&timeout=1s`)).uid, id, query);
  }
  for (const since of ["2026-01-05T01:00:00+01:00", "2026-01-05T01:00:00%2B01:00"]) {
    assertEquals((await surface.json("GET", `/wait?since=${since}&timeout=1s`)).uid, id, since);
  }
  assertEquals((await surface.json("GET", "/mailboxes/a+b@example.org/messages")).items[0].uid, id);
});

Deno.test("the queue's list takes senders and recipients with +", async () => {
  await using surface = await Surface.start();
  const id = await surface.send(
    { from: "brain+out@example.org", to: ["jo+tag@example.net"] },
    "Subject: x\r\n\r\nx\r\n",
  );
  for (
    const query of [
      "recipient=jo+tag@example.net",
      "recipient=jo%2Btag@example.net",
      "sender=brain+out@example.org",
      "sender=+brain%2Bout@example.org+",
    ]
  ) {
    assertEquals(
      (await surface.json("GET", `/queue?${query}`)).items.map((item: { id: string }) => item.id),
      [
        id,
      ],
      query,
    );
  }
});

Deno.test("a message's envelope takes addresses with +", async () => {
  await using surface = await Surface.start();
  const response = await surface.fetch(
    "/api/v1/messages?from=brain+out@example.org&to=jo+tag@example.net&to=jo%2Btag@example.net",
    {
      method: "POST",
      headers: { authorization: `Bearer ${TOKEN}`, "content-type": "message/rfc822" },
      body: "Subject: x\r\n\r\nx\r\n",
    },
  );
  const { id } = await response.json();
  const item = await surface.json("GET", `/queue/${id}`);
  assertEquals(item.sender, "brain+out@example.org");
  assertEquals(item.recipients.map((r: { address: string }) => r.address), ["jo+tag@example.net"]);
});

Deno.test("a cursor that is an address leads on, encoded or not", async () => {
  await using surface = await Surface.start();
  for (const name of ["a+1", "a+2", "a+3"]) {
    const body = { targets: ["brain@example.org"] };
    await surface.json("PUT", `/aliases/${name}@example.org`, { body });
    await surface.json("POST", "/accounts", { body: { address: `${name}@example.org` }, status: 201 });
  }
  for (const list of ["aliases", "accounts"]) {
    const first = await surface.json("GET", `/${list}?limit=2`);
    assertEquals(first.cursor, "a+2@example.org");
    const next = await surface.json("GET", `/${list}?limit=1&cursor=${first.cursor}`);
    assertEquals(next.items[0].address, "a+3@example.org");
  }
});

Deno.test("one unknown recipient does not keep a message from the others, and is named", async () => {
  await using surface = await Surface.start();
  await surface.json("PUT", "/aliases/loop@example.org", { body: { targets: ["loop@example.org"] } });
  const to = ["brain@example.org", "nobody@example.org", "jo@example.net", "loop@example.org"];
  const body = { from: "brain@example.org", to, subject: "x", text: "x" };
  const { id, refused } = await surface.json("POST", "/messages", { body, status: 202 });
  assertEquals(refused.map((r: { address: string }) => r.address), [
    "nobody@example.org",
    "loop@example.org",
  ]);
  assertStringIncludes(refused[0].text, "no such user");
  const life = await surface.json("GET", `/messages/${id}`);
  assertEquals(life.recipients, ["brain@example.org", "jo@example.net"]);
  const all = await surface.json("POST", "/messages", { body: { ...body, to: to.slice(0, 1) }, status: 202 });
  assertEquals(Object.keys(all), ["id"]);
  const none = await surface.json("POST", "/messages", {
    body: { ...body, to: [to[1], to[3]] },
    status: 422,
  });
  assertEquals(none.errors.map((e: { name: string }) => e.name), ["nobody@example.org", "loop@example.org"]);
});
