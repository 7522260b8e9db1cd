import { assert, assertEquals } from "@std/assert";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { seededRandom } from "../../src/base/random.ts";
import { MAX_KNOWN, VerifiedPasswords } from "../../src/auth/verified_passwords.ts";

const make = (seed = 1) => new VerifiedPasswords({ clock: new ManualClock(), random: seededRandom(seed) });

Deno.test("VerifiedPasswords takes bounded memory", () => {
  const verified = make();
  const digestOf = (n: number) =>
    verified.digest({ mailbox: `user${n}`, passwordHash: "$argon2id$…", password: "narf" });
  for (let n = 0; n <= MAX_KNOWN; n++) verified.add(`user${n}`, digestOf(n));
  assertEquals(verified.size, MAX_KNOWN);
  assert(!verified.has("user0", digestOf(0)));
  assert(verified.has("user1", digestOf(1)));
});

Deno.test("VerifiedPasswords keeps one password of an account, the last one", () => {
  const verified = make();
  const [old, last] = ["narf", "zort"].map((password) =>
    verified.digest({ mailbox: "brain", passwordHash: "h", password })
  );
  verified.add("brain", old!);
  verified.add("brain", last!);
  assertEquals([verified.has("brain", old!), verified.has("brain", last!), verified.size], [false, true, 1]);
  verified.forget("brain");
  assertEquals([verified.has("brain", last!), verified.size], [false, 0]);
});

Deno.test("VerifiedPasswords makes digests by a key of its own, of account, hash and password each", () => {
  const parts = { mailbox: "brain", passwordHash: "h", password: "narf" };
  const digests = [
    make().digest(parts),
    make(2).digest(parts),
    make().digest({ ...parts, mailbox: "pinky" }),
    make().digest({ ...parts, passwordHash: "g" }),
    make().digest({ ...parts, password: "zort" }),
  ].map((digest) => new Uint8Array(digest).toHex());
  assertEquals(new Set(digests).size, 5);
  assertEquals(digests[0]!.length, 64);
});
