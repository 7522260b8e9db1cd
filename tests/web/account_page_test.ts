import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Surface, TOKEN } from "../api/harness.ts";
import { Visitor } from "./visitor.ts";

const BRAIN = "brain@example.org";
const SURE: [string, string][] = [["sure", "1"]];

Deno.test("an account's page shows its app passwords, and removes one when it is sure", async () => {
  const users = { ron: { token: "rons-token", role: "read-only" } };
  await using surface = await Surface.start({ config: { admin: { token: TOKEN, users } } });
  const [admin, ron] = [await Visitor.of(surface), await Visitor.of(surface, "rons-token")];
  const path = `/accounts/${encodeURIComponent(BRAIN)}`;
  assertStringIncludes(await admin.get(path), "one for each device");
  for (const name of ["phone", "old tablet/2"]) {
    await surface.json("POST", `/accounts/${BRAIN}/app-passwords`, { body: { name }, status: 201 });
  }
  const shown = await admin.get(path);
  assertStringIncludes(shown, "<bdi>old tablet/2</bdi>");
  assertStringIncludes(shown, "never");
  const [action] = /\/accounts\/[^"]*\/app-passwords\/old[^"]*\/remove/.exec(shown)!;

  // who may only look is offered no button, and can't do it otherwise
  const seen = await ron.get(path);
  assertStringIncludes(seen, "<bdi>phone</bdi>");
  assert(!seen.includes("/app-passwords/"));
  await ron.post(action, SURE, 403);

  assertStringIncludes(await admin.post(action, [], 200), "Remove the app password?");
  const names = async () =>
    (await surface.json("GET", `/accounts/${BRAIN}/app-passwords`)).items.map((one: { name: string }) =>
      one.name
    );
  assertEquals(await names(), ["old tablet/2", "phone"]);
  assertStringIncludes(await admin.post(action, SURE, 303), "opens nothing any more");
  assertEquals(await names(), ["phone"]);
  await admin.post(action, SURE, 404);
  const [{ user, action: done, target }] = (await surface.json("GET", "/audit")).items;
  assertEquals([user, done, target], ["admin", "app-passwords.delete", `${BRAIN} old tablet/2`]);
});
