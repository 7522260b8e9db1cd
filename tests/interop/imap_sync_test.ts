/**
 * Programs bring a mailbox here and one on a Dovecot to the same content, both ways, while they and the server are
 * killed in the middle. MESSAGES says how many there are: 10,000 in `deno task soak:sync`.
 */

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { type ImapHost, NEEDED, UNDER_TEST } from "./support/imap_hosts.ts";
import { letter } from "./support/imap_letters.ts";
import { copies, differences, fill, stateOf } from "./support/imap_mailbox.ts";
import { ImapModel } from "./support/imap_model.ts";
import { interimap, mbsync, offlineimap, type Syncer } from "./support/imap_syncers.ts";
import { Syncing } from "./support/syncing.ts";
import { spoilt } from "./support/spoiling_proxy.ts";
import { testIf } from "./support/post_office.ts";

const MESSAGES = Number(Deno.env.get("MESSAGES") ?? 300);

for (const syncer of [interimap, mbsync, offlineimap]) {
  testIf(
    [...NEEDED, syncer.program],
    `${syncer.make} synchronises ${MESSAGES} messages of ${UNDER_TEST} and a Dovecot, both ways, whoever is killed`,
    async () => {
      await using sync = await Syncing.open(syncer, MESSAGES);
      const model = new ImapModel(syncer.brings);
      const put = async (host: ImapHost, from: string, first: number, count: number) => {
        const letters = Array.from({ length: count }, (_, n) => letter(first + n, from));
        await fill(host, letters);
        await model.add(letters);
      };
      await put(sync.tested, "tested", 0, MESSAGES / 2);
      await put(sync.other, "other", 0, MESSAGES / 2);

      const first = await sync.runUntil(1.1 * MESSAGES, (kill) => Promise.resolve(kill()));
      assertEquals(first.signal, "SIGKILL", `it was not in the middle of its work: ${first.said}`);
      const second = await sync.runUntil(1.3 * MESSAGES, () => sync.tested.kill());
      assertNotEquals(second.code, 0, "it did not see that its server was gone");
      await sync.tested.restart();
      await sync.runUntilWell();
      await same(sync, syncer, model);

      await model.change(sync.tested, { nth: 0, flag: "\\Answered" });
      await model.change(sync.other, { nth: 3, flag: "\\Flagged" });
      await put(sync.tested, "tested", MESSAGES, MESSAGES / 10);
      await put(sync.other, "other", MESSAGES, MESSAGES / 10);
      await sync.runFor(150);
      await sync.runUntilWell();
      await same(sync, syncer, model);
    },
  );
}

/** What a server does wrong, and what is then found: the comparison is worth something. */
const WRONGS: [what: string, spoil: (sent: string) => string, found: RegExp][] = [
  ["alters a letter", (sent) => sent.replace("Number 8.", "Number 9."), /^[-+] \S+: \w+ /],
  ["takes other flags", (sent) => sent.replaceAll("\\Draft", "Draft1"), /^[-+] .*(\\Draft|Draft1)$/],
  ["puts letters elsewhere", (sent) => sent.replaceAll("Lists/dev", "Lists/old"), /the folder Lists/],
];

for (const [what, spoil, found] of WRONGS) {
  testIf([...NEEDED, interimap.program], `a server that ${what} is found out`, async () => {
    await using sync = await Syncing.open(interimap, 60, spoilt(spoil));
    await fill(sync.other, Array.from({ length: 60 }, (_, n) => letter(n, "other")));
    await sync.run();
    const looked = interimap.brings;
    const differ = differences(await stateOf(sync.tested, looked), await stateOf(sync.other, looked));
    assert(differ.some((line) => found.test(line)), differ.slice(0, 5).join("\n"));
  });
}

/** Both sides are the same, and what they should be. */
async function same(sync: Syncing, syncer: Syncer, model: ImapModel) {
  const looked = model.looked;
  const state = await stateOf(sync.tested, looked);
  assertEquals(differences(state, await stateOf(sync.other, looked)).slice(0, 10), [], "the sides differ");
  assertEquals(model.differencesTo(state).slice(0, 10), [], "it is not what it should be");
  const doubled = [...copies(state).values()].filter((count) => count > 1).length;
  assert(doubled <= syncer.doubles * MESSAGES, `${doubled} are there more than once`);
  return state;
}
