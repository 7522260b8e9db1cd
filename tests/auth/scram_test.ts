import { assert, assertEquals } from "@std/assert";
import { encode } from "../../src/base/bytes.ts";
import { seededRandom } from "../../src/base/random.ts";
import { decoyVerifier, makeScramVerifier, ScramExchange, type ScramVerifier } from "../../src/auth/scram.ts";

const SALT = "W22ZaJ0SNY7soEsUEjb6gQ==";
const NONCE = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
const FIRST = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
const FINAL =
  "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";

/** The verifier of "pencil" with the salt of RFC 7677's example. */
function pencil(): Promise<ScramVerifier> {
  const random = { float: () => 0, bytes: () => Uint8Array.fromBase64(SALT) };
  return makeScramVerifier("pencil", { random, iterations: 4096 });
}

function exchange(find: (name: string) => ScramVerifier | Promise<ScramVerifier> = pencil): ScramExchange {
  return new ScramExchange({ random: seededRandom(1), find, nonce: NONCE });
}

Deno.test("ScramExchange plays the example of RFC 7677 section 3", async () => {
  const scram = exchange();
  assertEquals(await scram.first(encode(FIRST)), {
    ok: true,
    reply: `r=rOprNGfwEbeRWgbNEkqO${NONCE},s=${SALT},i=4096`,
  });
  assertEquals(await scram.final(encode(FINAL)), {
    ok: true,
    reply: "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
  });
  assertEquals(scram.name, "user");
});

Deno.test("ScramExchange.first() reads names, and refuses what it has to", async () => {
  const good: readonly [string, string][] = [
    ["n,,n=user,r=abc", "user"],
    ["y,,n=user,r=abc", "user"],
    ["n,a=user,n=user,r=abc", "user"],
    ["n,,n=a=2Cb=3Dc,r=abc", "a,b=c"],
    ["n,,n=user,r=abc,x=extension", "user"],
  ];
  for (const [text, name] of good) {
    const scram = exchange();
    assert((await scram.first(encode(text))).ok, text);
    assertEquals(scram.name, name);
  }
  const bad = [
    "",
    "n=user,r=abc",
    "n,,n=,r=abc",
    "n,,n=user",
    "n,,r=abc,n=user",
    "n,,n=us=er,r=abc",
    "n,,n=user,r=ab c",
    "n,,m=must,n=user,r=abc",
    "n,a=other,n=user,r=abc", // acting as somebody else
    "p=tls-exporter,,n=user,r=abc", // channel binding, which is not offered
  ];
  for (const text of bad) assertEquals((await exchange().first(encode(text))).ok, false, text);
});

Deno.test("ScramExchange.final() refuses anything but the one right message", async () => {
  const bad = [
    FINAL.replace("p=dHzb", "p=eHzb"),
    FINAL.replace("c=biws", "c=eSws"), // the header it did not send
    FINAL.replace("rOprN", "rOprM"),
    FINAL.replace("k0,p", "k1,p"),
    FINAL.slice(0, FINAL.indexOf(",p=")),
    FINAL.replace(/p=.*/, "p="),
    FINAL.replace(/p=.*/, "p=AAAA"),
    "",
  ];
  for (const text of bad) {
    const scram = exchange();
    await scram.first(encode(FIRST));
    assertEquals((await scram.final(encode(text))).ok, false, text);
  }
});

Deno.test("ScramExchange.final() can't be tried twice, nor without a beginning", async () => {
  assertEquals((await exchange().final(encode(FINAL))).ok, false);
  const scram = exchange();
  await scram.first(encode(FIRST));
  await scram.final(encode(FINAL.replace("p=dHzb", "p=eHzb")));
  assertEquals((await scram.final(encode(FINAL))).ok, false);
});

Deno.test("decoyVerifier() answers the same for the same name, and fits nothing", async () => {
  const secret = new Uint8Array(32).fill(7);
  const decoy = await decoyVerifier("nobody", { secret });
  assertEquals(await decoyVerifier("nobody", { secret }), decoy);
  assert((await decoyVerifier("nobody else", { secret })).salt !== decoy.salt);
  assertEquals(Uint8Array.fromBase64(decoy.salt).length, 16);
  const scram = exchange(() => decoy);
  assert((await scram.first(encode(FIRST))).ok);
  assertEquals((await scram.final(encode(FINAL))).ok, false);
});
