import { assertEquals } from "@std/assert";
import { CALLS, callsOf, documentOfApi, formatted, MODELS, modelsOf } from "../../scripts/client_types.ts";

Deno.test("the client's types are those of the API's schemas (`deno task client` writes them)", async () => {
  const document = await documentOfApi();
  assertEquals(await Deno.readTextFile(MODELS), await formatted(modelsOf(document)));
  assertEquals(await Deno.readTextFile(CALLS), await formatted(callsOf(document)));
});

Deno.test("the client needs nothing of the server, neither to run nor for its types", async () => {
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", "src/api/client.ts"],
    stderr: "null",
  }).output();
  const { modules } = JSON.parse(new TextDecoder().decode(stdout)) as { modules: { specifier: string }[] };
  const needed = modules.map(({ specifier }) => specifier).filter((one) => one.startsWith("file:"))
    .map((one) => one.split("/src/").at(-1));
  assertEquals([success, needed.toSorted()], [true, [
    "api/client.ts",
    "api/client_answer.ts",
    "api/client_calls.ts",
    "api/client_models.ts",
  ]]);
});
