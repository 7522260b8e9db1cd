import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { parsePhc } from "../../src/base/passwords.ts";
import { seededRandom } from "../../src/base/random.ts";
import { DEFAULT_COST, PasswordHasher } from "../../src/auth/password_hash.ts";
import { CHEAP } from "../mailbox/helpers.ts";

// from the tests of the reference implementation of Argon2
const REFERENCE = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";

function cheapHasher(parallel?: number): PasswordHasher {
  return new PasswordHasher({ random: seededRandom(1), cost: CHEAP.cost, ...(parallel ? { parallel } : {}) });
}

Deno.test("PasswordHasher.verify() agrees with the reference implementation", async () => {
  assert(await cheapHasher().verify("password", REFERENCE));
  assert(!await cheapHasher().verify("differentpassword", REFERENCE));
});

Deno.test("PasswordHasher.hash() makes a PHC string with the default cost that verifies", async () => {
  const hasher = new PasswordHasher({ random: seededRandom(1) });
  const hash = await hasher.hash("narf");
  assertEquals(hash.slice(0, 31), "$argon2id$v=19$m=47104,t=1,p=1$");
  assertEquals(parsePhc(hash)?.cost, DEFAULT_COST);
  assert(await hasher.verify("narf", hash));
  assertNotEquals(await hasher.hash("narf"), hash, "each hash has its own salt");
});

Deno.test("PasswordHasher.verify() says no without a usable hash, and to absurd passwords", async () => {
  const hasher = cheapHasher();
  assert(!await hasher.verify("narf", undefined));
  assert(!await hasher.verify("narf", ""));
  assert(!await hasher.verify("", "$1$plain"));
  const long = "x".repeat(2000);
  assert(!await hasher.verify(long, await hasher.hash(long)));
  assert(await hasher.verify("", await hasher.hash("")));
});

Deno.test("PasswordHasher.verify() takes passwords in any Unicode form (RFC 4013)", async () => {
  const hasher = cheapHasher();
  assert(await hasher.verify("grün", await hasher.hash("gru\u0308n")));
  assert(await hasher.verify("a b", await hasher.hash("a\u00a0b")));
});

Deno.test("PasswordHasher runs only so many at a time, and all of them", async () => {
  const hasher = cheapHasher(2);
  const hash = await hasher.hash("narf");
  const results = await Promise.all(
    Array.from({ length: 20 }, (_, i) => hasher.verify(i % 2 ? "narf" : "zort", hash)),
  );
  assertEquals(results.filter((right) => right).length, 10);
});

Deno.test("PasswordHasher.verify() does the same work for a wrong password, whatever the hash costs", async () => {
  const { subtle } = crypto;
  const deriveBits = subtle.deriveBits;
  let work = 0;
  subtle.deriveBits = (algorithm, ...rest) => {
    const { memory, passes } = algorithm as unknown as { memory: number; passes: number };
    work += memory * passes;
    return deriveBits.call(subtle, algorithm, ...rest);
  };
  try {
    const ours = { memory: 64, passes: 2, parallelism: 1 };
    const hasher = new PasswordHasher({ random: seededRandom(1), cost: ours });
    const weak = await cheapHasher().hash("narf");
    for (const hash of [undefined, weak, await hasher.hash("narf")]) {
      work = 0;
      assert(!await hasher.verify("zort", hash));
      assertEquals(work, 128);
    }
  } finally {
    subtle.deriveBits = deriveBits;
  }
});

Deno.test("PasswordHasher.isWeak() tells hashes that cost less", async () => {
  const cheap = await cheapHasher().hash("narf");
  assert(new PasswordHasher({ random: seededRandom(1) }).isWeak(cheap));
  assert(!cheapHasher().isWeak(cheap));
  assert(!cheapHasher().isWeak(REFERENCE));
  assert(!new PasswordHasher({ random: seededRandom(1) }).isWeak(REFERENCE));
  assert(await cheapHasher().verify("narf", cheap));
});
