import { assert, assertEquals, assertThrows } from "@std/assert";
import { CERTIFICATE } from "../smtp/client/certificate.ts";
import { trustedRoots } from "../../src/wire/roots.ts";

Deno.test("trustedRoots() adds what DENO_CERT names to those that are trusted anyway", async () => {
  const before = Deno.env.get("DENO_CERT");
  const file = await Deno.makeTempFile();
  try {
    Deno.env.delete("DENO_CERT");
    assertEquals(trustedRoots(), undefined);
    await Deno.writeTextFile(file, `a comment\n${CERTIFICATE.cert}`);
    Deno.env.set("DENO_CERT", file);
    const roots = trustedRoots()!;
    assertEquals(roots.at(-1), CERTIFICATE.cert.trim());
    assert(roots.length > 100);
    Deno.env.set("DENO_CERT", `${file}.gone`);
    assertThrows(trustedRoots, Deno.errors.NotFound);
  } finally {
    if (before === undefined) Deno.env.delete("DENO_CERT");
    else Deno.env.set("DENO_CERT", before);
    await Deno.remove(file);
  }
});
