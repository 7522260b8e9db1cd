import { assert, assertEquals } from "@std/assert";
import { ForestNode, hang, rootOf, takeOff } from "../../src/imap/link_forest.ts";
import { threadsOf, threadText } from "../../src/imap/thread.ts";
import { seededRandom } from "../../src/base/random.ts";
import { cpuMs } from "../support/cpu_time.ts";

class Node extends ForestNode {
  parent: Node | undefined;

  /** By walking. */
  get root(): Node {
    return this.parent?.root ?? this;
  }
}

Deno.test("the root of a node is found whatever was hung on what, and taken off again", () => {
  const random = seededRandom(7);
  const below = (n: number) => Math.floor(random.float() * n);
  for (let round = 0; round < 50; round++) {
    const nodes = Array.from({ length: 2 + below(40) }, () => new Node());
    for (let step = 0; step < 300; step++) {
      const [one, other] = [nodes[below(nodes.length)]!, nodes[below(nodes.length)]!];
      assert(rootOf(one) === one.root);
      if (one.parent && below(3) === 0) {
        takeOff(one);
        one.parent = undefined;
      } else if (!one.parent && other.root !== one) {
        hang(one, other);
        one.parent = other;
      }
    }
    for (const node of nodes) assert(rootOf(node) === node.root);
  }
});

Deno.test("references to a hundred thousand messages that are not there are threaded in no time", async () => {
  const COUNT = 2000;
  const REFS = 50;
  const named = (from: number) => Array.from({ length: REFS }, (_, i) => `r${from + i}`);
  const chained = Array.from({ length: COUNT }, (_, i) => ({
    number: i + 1,
    date: i,
    messageId: `m${i}`,
    references: [...(i === 0 ? [] : [`r${i * REFS - 1}`]), ...named(i * REFS)],
    subject: "",
    isReply: false,
  }));
  // what has others below it is hung on the deepest of all, again and again
  const hung = Array.from({ length: COUNT * 2 }, (_, i) =>
    i < COUNT ? chained[i]! : {
      number: i + 1,
      date: i,
      messageId: `m${i}`,
      references: Array.from(
        { length: 2 * REFS },
        (_, j) => j % 2 === 0 ? `r${COUNT * REFS - 1}` : `r${((i - COUNT) * REFS + j) % 1000}`,
      ),
      subject: "",
      isReply: false,
    });
  const ms = await cpuMs(() => {
    for (const messages of [chained, hung]) {
      const text = threadText(threadsOf(messages, "REFERENCES"));
      assertEquals(text.match(/\d+/g)!.length, messages.length);
    }
  });
  assert(ms < 10_000, `${ms} ms`);
});
