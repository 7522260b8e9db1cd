import { assertEquals } from "@std/assert";
import type { SigningKey } from "../../src/authentication/dkim_keys.ts";
import { publishedKeys } from "../../src/authentication/published_keys.ts";
import { TxtResolver, type TxtZone } from "./txt_resolver.ts";

const RECORD = `v=DKIM1; k=ed25519; p=${new Uint8Array(32).fill(9).toBase64()}`;
const NEW = "e20261201._domainkey.ex.test";
const OLD = "e20261130._domainkey.ex.test";

function key(selector: string, older?: SigningKey): SigningKey {
  const sign = () => Promise.reject(new Error("nothing is signed here"));
  return { domain: "ex.test", selector, algorithm: "ed25519-sha256", sign, ...(older && { older }) };
}

async function signer(keys: SigningKey, zone: TxtZone): Promise<[string, string[]]> {
  const resolver = new TxtResolver(zone);
  const [chosen] = await publishedKeys([keys], resolver);
  return [chosen!.selector, resolver.asked];
}

Deno.test("a new key signs when it is published; before that the one before it, and nothing is asked where there is one", async () => {
  const both = key("e20261201", key("e20261130"));
  assertEquals(await signer(both, { [OLD]: [RECORD], [NEW]: [RECORD] }), ["e20261201", [NEW]]);
  assertEquals(await signer(both, { [OLD]: [RECORD] }), ["e20261130", [NEW, OLD]]);
  assertEquals(await signer(both, { [OLD]: [RECORD], [NEW]: { failure: "silent" } }), ["e20261130", [
    NEW,
    OLD,
  ]]);
  assertEquals(await signer(both, {}), ["e20261201", [NEW, OLD]]);
  assertEquals(await signer(key("e20261130"), {}), ["e20261130", []]);
});
