import { assert, assertEquals } from "@std/assert";
import { Journal } from "../../src/observe/journal.ts";
import { trustedRoots } from "../../src/server/trusted_roots.ts";
import { ScriptedPeer } from "../../src/testing/scripted_peer.ts";
import { CERTIFICATE } from "../smtp/client/certificate.ts";
import { connect } from "../smtp/client/helpers.ts";

/** A journal, and what it was told. */
function journal(): { journal: Journal; told: string[] } {
  const told: string[] = [];
  const journal = new Journal((_level, what, fields) => told.push(`${what} ${fields?.["variable"] ?? ""}`));
  return { journal, told };
}

Deno.test("trustedRoots() adds every certificate of the files that the variables name to the built-in ones", async () => {
  const dir = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(
      `${dir}/bundle.pem`,
      `# the old one\n${CERTIFICATE.cert}\n# ours\n${CERTIFICATE.cert}`,
    );
    for (const name of ["DENO_CERT", "NODE_EXTRA_CA_CERTS"]) {
      const { journal: log, told } = journal();
      const roots = trustedRoots((asked) => asked === name ? `${dir}/bundle.pem` : undefined, log)!;
      assert(roots.length > 50 && roots.every((pem) => pem.match(/BEGIN/g)!.length === 1));
      assertEquals(roots.at(-1)!.trim(), CERTIFICATE.cert.trim());
      assertEquals(told, []);
      await using peer = ScriptedPeer.start({ tls: CERTIFICATE });
      const trusted = await connect(peer, { tls: "require", ca: roots });
      assert(trusted.ok);
      await trusted.client.quit();
    }
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("trustedRoots() leaves the built-in ones alone where there is no file, and says when it can't be read", () => {
  const { journal: log, told } = journal();
  assertEquals(trustedRoots(() => undefined, log), undefined);
  assertEquals(trustedRoots(() => "", log), undefined);
  assertEquals(told, []);
  assertEquals(trustedRoots((name) => name === "DENO_CERT" ? "/nowhere/x.pem" : undefined, log), undefined);
  assertEquals(told, ["certificates to trust can't be read DENO_CERT"]);
});
