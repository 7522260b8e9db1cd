/** Kills a server again and again while IMAP, POP3, the API and SMTP use one mailbox: nothing is lost, nothing is doubled. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { seededRandom, systemRandom } from "../../src/base/random.ts";
import { Disconnected, ImapClient } from "../support/imap_client.ts";
import { type FolderSight, MailboxLedger } from "./support/mailbox_ledger.ts";
import { CachingClient, sightOf, USED } from "./support/mailbox_sight.ts";
import { apiUser, imapUser, pop3User, smtpUser, type User } from "./support/mailbox_users.ts";
import { FREE_PORTS, ServerProcess } from "./support/server_process.ts";
import { Hangup } from "./support/smtp_talk.ts";

/** How often the server is killed; the environment variable ROUNDS says otherwise. */
const ROUNDS = Number(Deno.env.get("ROUNDS") ?? 3);
/** A round goes on at most this long when it has begun well. */
const LONGEST_MS = 1500;
const TOKEN = "kill";
/** How those who use it hear of the server's death. */
const CUT =
  /^(ConnectionReset|ConnectionRefused|BrokenPipe)|connection (was )?closed|closed the connection|fetch failed|error sending request|reading a body/i;
const READER = { user: "ann@local.test", password: "secret" };

Deno.test(
  `A mailbox that IMAP, POP3, the API and SMTP use at once survives ${ROUNDS} deaths of the server`,
  { timeout: Math.max(120_000, ROUNDS * 15_000) },
  async () => {
    const dir = await Deno.makeTempDir({ prefix: "dinopost-mailbox-" });
    await Deno.writeTextFile(
      `${dir}/kill.jsonc`,
      JSON.stringify({
        hostname: "mail.local.test",
        domains: ["local.test"],
        accounts: { [READER.user]: { password: READER.password } },
        admin: { token: TOKEN },
        log: { level: "WARN" },
      }),
    );
    const env = { ...FREE_PORTS, DINOPOST_LISTEN_IMAP: "127.0.0.1:0" };
    const options = { cwd: dir, args: ["serve", "--config", "kill.jsonc"], env };
    const seed = Number(Deno.env.get("SEED") ?? Math.floor(systemRandom.float() * 2 ** 31));
    const random = seededRandom(seed);
    const ledger = new MailboxLedger();
    const caches = USED.map((folder) => new CachingClient(folder));
    const complaints: string[] = [];
    try {
      for (let round = 0; round <= ROUNDS; round++) {
        await using server = await ServerProcess.ready(options);
        await look(server, ledger, caches, round === 0);
        assertEquals(ledger.problems, [], `round ${round} of seed ${seed}`);
        if (round === ROUNDS) break;
        const imap = server.address("imap");
        const letters = ledger.letters.length;
        const stop = new AbortController();
        const users: User[] = [
          imapUser(imap, READER, { owner: "one", ledger, random }),
          imapUser(imap, READER, { owner: "two", ledger, random }),
          smtpUser(server.address("smtp"), READER, ledger),
          pop3User(server.address("pop3"), READER, { ledger, random }),
          apiUser(server.url, READER, { token: TOKEN, ledger, random }),
        ];
        const running = users.map((user) => untilCut(user(stop.signal)));
        // some rounds end at once, the others when there was something to lose
        if (round % 3 !== 2) await until(() => ledger.letters.length >= letters + 20, 10_000);
        await pause(random.float() ** 2 * LONGEST_MS);
        server.signal("SIGKILL");
        const { signal, err } = await server.end();
        assertEquals(signal, "SIGKILL", `it ended by itself: ${err}`);
        complaints.push(...err.split("\n").filter((line) => line.includes(" ERROR ")));
        stop.abort();
        await Promise.all(running);
      }
      assertEquals(complaints, []);
      const kept = ledger.letters.filter(({ spot }) => spot !== "gone").length;
      console.log(`${ledger.letters.length} letters, of which ${kept} are there; seed ${seed}`);
      assert(ledger.letters.length > 10 * ROUNDS, "that was no load");
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  },
);

async function look(server: ServerProcess, ledger: MailboxLedger, caches: CachingClient[], first: boolean) {
  using client = await ImapClient.login(server.address("imap"), READER.user, READER.password);
  if (first) { for (const folder of USED.slice(1)) await client.ok(`CREATE ${folder}`); }
  ledger.settle(await sightOf(client));
  for (const cache of caches) ledger.problems.push(...await cache.synchronise(client));
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms));
}

/** Waits for it, but not for ever: a slow machine is no reason to fail. */
async function until(condition: () => boolean, ms: number): Promise<void> {
  for (const late = performance.now() + ms; !condition() && performance.now() < late;) await pause(20);
}

/** The user's end; that its connection was cut is what happens here, anything else is not. */
async function untilCut(running: Promise<void>): Promise<void> {
  try {
    await running;
  } catch (error) {
    const cut = error instanceof Disconnected || error instanceof Hangup ||
      error instanceof Error && CUT.test(`${error.name}: ${error.message}`);
    if (!cut) throw error;
  }
}

Deno.test("The ledger of a mailbox finds what is lost, doubled, damaged, or went back", () => {
  const ledger = new MailboxLedger();
  const [kept, moved] = [ledger.make("one"), ledger.make("one")];
  kept.moves("INBOX")(1);
  kept.marks("\\Flagged", true)();
  moved.moves("INBOX")(2);
  moved.moves("Work"); // and no answer came
  const message = (folder: string, uid: number, of = kept) => ({
    folder,
    uid,
    modseq: 5,
    flags: of === kept ? ["\\Flagged"] : [],
    text: `Received: by mail.local.test\r\n${of.text}`,
  });
  const found = (messages: ReturnType<typeof message>[], more: Partial<FolderSight> = {}) => {
    const inbox = { uidValidity: 7, uidNext: 10, highestModseq: 5, ...more };
    ledger.settle(
      new Map(["INBOX", "Work"].map((folder) => [
        folder,
        { ...inbox, messages: messages.filter((one) => one.folder === folder) },
      ])),
    );
    return ledger.problems.splice(0).join("; ");
  };
  const good = [message("INBOX", 1), message("Work", 1, moved)];
  assertEquals(found(good), "");
  assertMatch(found([good[0]!]), /letter 1 .* is in gone, expected Work/);
  assertMatch(found([...good, message("INBOX", 3)]), /letter 0 .* is there 2 times/);
  assertMatch(
    found([good[0]!, message("Work", 2, moved)]),
    /letter 1 .*(expected gone|UID 2 in Work, was told 1)/,
  );
  assertMatch(found([{ ...good[0]!, text: kept.text.replace("Body 0", "Body 1") }]), /letter 0 is damaged/);
  assertMatch(found([{ ...good[0]!, flags: [] }]), /letter 0 of one has not \\Flagged/);
  assertMatch(found([message("INBOX", 1, moved)]), /INBOX 1 was letter 0, and is letter 1/);
  assertMatch(found(good, { uidValidity: 8 }), /UIDVALIDITY was 7, is 8/);
  assertMatch(found(good, { uidValidity: 8, highestModseq: 4 }), /mod-sequence was 5, is 4/);
  assertMatch(found(good, { uidValidity: 8, uidNext: 2 }), /UIDNEXT was 10, is 2/);
});
