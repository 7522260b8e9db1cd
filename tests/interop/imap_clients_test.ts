/** Foreign programs and libraries read and write a mailbox by IMAP: in clear on loopback, after STARTTLS, and over TLS. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { octets } from "../support/imap_client.ts";
import { fetched } from "../support/imap_values.ts";
import {
  hostUnderTest,
  type ImapHost,
  NEEDED,
  READER,
  READERS_PASSWORD,
  UNDER_TEST,
} from "./support/imap_hosts.ts";
import { enter } from "./support/imap_mailbox.ts";
import { type Finished, runAt, type RunOptions, testIf } from "./support/post_office.ts";
import { Terminal } from "./support/terminal.ts";

const PEERS = "/opt/dinopost-interop";
const PYTHON = `${PEERS}/venv/bin/python`;
const SUPPORT = new URL("./support/", import.meta.url).pathname;

/** What is in INBOX at first; a character is an octet. */
const LETTERS = [
  "Subject: One\r\nFrom: J. Smith <jsmith@mindspring.com>\r\nMessage-ID: <1@mindspring.com>\r\n" +
  "Date: Mon, 5 Jan 2026 09:00:00 +0000\r\n\r\nHow are you, old friend?\r\n",
  "Subject: Far\r\nFrom: far@mindspring.com\r\nMessage-ID: <2@mindspring.com>\r\nMIME-Version: 1.0\r\n" +
  "Date: Mon, 5 Jan 2026 10:00:00 +0000\r\nContent-Type: text/plain; charset=utf-8\r\n" +
  "Content-Transfer-Encoding: 8bit\r\n\r\nGr\xc3\xbc\xc3\x9fe aus K\xc3\xb6ln\r\n",
  "Subject: Two parts\r\nFrom: two@mindspring.com\r\nMessage-ID: <3@mindspring.com>\r\nMIME-Version: 1.0\r\n" +
  'Date: Mon, 5 Jan 2026 11:00:00 +0000\r\nContent-Type: multipart/mixed; boundary="m"\r\n\r\n--m\r\n' +
  "Content-Type: text/plain\r\n\r\nSee there\r\n--m\r\nContent-Type: text/plain; name=abc.txt\r\n" +
  "Content-Disposition: attachment; filename=abc.txt\r\nContent-Transfer-Encoding: base64\r\n\r\nQUJD\r\n--m--\r\n",
  "Subject: Re: One\r\nFrom: jsmith@mindspring.com\r\nMessage-ID: <4@mindspring.com>\r\n" +
  "References: <1@mindspring.com>\r\nDate: Mon, 5 Jan 2026 12:00:00 +0000\r\n\r\n.\r\n..\r\nFrom here on\r\n",
];

/** A server with the letters, and a directory for a program. */
class Stage implements AsyncDisposable {
  private constructor(readonly host: ImapHost, readonly dir: string) {}

  static async set(): Promise<Stage> {
    const host = await hostUnderTest();
    using client = await enter(host);
    for (const letter of LETTERS) await client.ok("APPEND INBOX () ", octets(letter));
    return new Stage(host, await Deno.makeTempDir({ prefix: "dinopost_reader_" }));
  }

  run(program: string, args: readonly string[], options?: RunOptions): Promise<Finished> {
    return runAt(this.dir, program, args, options);
  }

  /** What is in a folder: each message's subject and flags. */
  async folder(name: string): Promise<string[]> {
    using client = await enter(this.host);
    await client.ok(`EXAMINE ${name}`);
    const { lines } = await client.ok("UID FETCH 1:* (FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])");
    return fetched(lines).map((message) => {
      const subject = String(message.get("BODY[HEADER.FIELDS (SUBJECT)]")).trim().slice("Subject: ".length);
      const flags = (message.get("FLAGS") as string[]).filter((flag) => flag !== "\\Recent").sort();
      return [subject, ...flags].join(" ");
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.host[Symbol.asyncDispose]();
    await Deno.remove(this.dir, { recursive: true });
  }
}

function test(programs: readonly string[], name: string, act: (stage: Stage) => Promise<void>): void {
  testIf([...NEEDED, ...programs], `${name} (${UNDER_TEST})`, async () => {
    await using stage = await Stage.set();
    await act(stage);
  });
}

test(
  [PYTHON],
  "a program on IMAPClient reads, searches, changes, moves, and is told of news",
  async (stage) => {
    const { port, tlsPort, certificate } = stage.host;
    const args = [port, tlsPort, certificate, READER, READERS_PASSWORD].map(String);
    const { out, err, code } = await stage.run(PYTHON, [`${SUPPORT}clients/imapclient_job.py`, ...args]);
    assertEquals([err, out, code], ["", "done\n", 0]);
    assertEquals(await stage.folder("INBOX"), ["One", "Two parts", "Appended"]);
  },
);

test(
  ["node"],
  "a program on imapflow reads, searches, changes, moves, and is told of news",
  async (stage) => {
    const { port, tlsPort, certificate } = stage.host;
    const args = [
      `${SUPPORT}clients/imapflow_job.mjs`,
      `${PEERS}/clients`,
      port,
      tlsPort,
      READER,
      READERS_PASSWORD,
    ];
    const env = { NODE_EXTRA_CA_CERTS: certificate };
    const { out, err, code } = await stage.run("node", args.map(String), { env });
    assertEquals([err, out, code], ["", "done\n", 0]);
    assertEquals(await stage.folder("INBOX"), ["Two parts", "Appended"]);
  },
);

test(
  ["curl"],
  "curl lists, fetches, searches, appends and marks, in clear, after STARTTLS, and over TLS",
  async (stage) => {
    const { port, tlsPort, certificate } = stage.host;
    const clear = `imap://localhost:${port}`;
    const ways: [string, ...string[]][] = [
      [clear],
      [clear, "--login-options", "AUTH=PLAIN", "--sasl-ir"],
      [clear, "--ssl-reqd", "--cacert", certificate],
      [`imaps://localhost:${tlsPort}`, "--cacert", certificate],
    ];
    const curl = async (...args: string[]) => {
      const all = ["-sS", "--max-time", "20", "--user", `${READER}:${READERS_PASSWORD}`, ...args];
      const { out, err, code } = await stage.run("curl", all);
      assertEquals([err, code], ["", 0], args.join(" "));
      return out;
    };
    for (const [url, ...options] of ways) {
      assertMatch(await curl(url, ...options), /^\* LIST \([^)]*\) "\/" "?INBOX"?\r$/m);
      assertEquals(
        await curl(`${url}/INBOX;UID=2/;SECTION=TEXT`, ...options),
        "Gr\xc3\xbc\xc3\x9fe aus K\xc3\xb6ln\r\n",
      );
      assertEquals(await curl(`${url}/INBOX;MAILINDEX=4`, ...options), LETTERS[3]);
      assertEquals(await curl(`${url}/INBOX?SUBJECT%20parts`, ...options), "* SEARCH 3\r\n");
    }
    await Deno.writeTextFile(`${stage.dir}/letter`, "Subject: By curl\r\n\r\nHello\r\n");
    await curl(`${clear}/INBOX`, "-T", `${stage.dir}/letter`);
    await curl(`${clear}/INBOX`, "-X", "UID STORE 1 +FLAGS.SILENT (\\Deleted)");
    await curl(`${clear}/INBOX`, "-X", "EXPUNGE");
    assertEquals(await stage.folder("INBOX"), [
      "Far \\Seen",
      "Two parts",
      "Re: One \\Seen",
      "By curl \\Seen",
    ]);
    const wrong = await stage.run("curl", ["-sS", "--user", `${READER}:wrong`, clear]);
    assertEquals(wrong.code, 67, wrong.err); // "Login denied"
  },
);

test(
  ["mutt", "tmux"],
  "mutt reads, saves, flags and removes letters over TLS, in a terminal",
  async (stage) => {
    const { tlsPort, certificate } = stage.host;
    const rc = `${stage.dir}/muttrc`;
    await Deno.writeTextFile(
      rc,
      `set imap_user="${READER}" imap_pass="${READERS_PASSWORD}"
set certificate_file="${certificate}" ssl_force_tls=yes
set folder="imaps://localhost:${tlsPort}/" spoolfile="+INBOX"
set quit=yes delete=yes confirmappend=no confirmcreate=no mark_old=no header_cache="" message_cachedir=""
set index_format="%4C %Z %s" charset=utf-8 sort=mailbox-order record="" postponed="" mbox="" imap_idle=yes mail_check=1 timeout=1
set assumed_charset=utf-8
bind index G last-entry
`,
      { mode: 0o600 },
    );
    await using terminal = await Terminal.start(stage, `mutt -F '${rc}'`);
    const index = await terminal.shows(/Re: One/);
    for (const subject of ["One", "Far", "Two parts"]) assertMatch(index, new RegExp(`\\d .*${subject}`));
    await terminal.press("Home", "Enter");
    await terminal.shows(/How are you, old friend\?/);
    await terminal.press("i");
    await terminal.shows(/Two parts/);
    // the second goes into a new folder, the third is flagged, the fourth goes away
    await terminal.press("Home", "j", "s");
    await terminal.press("C-u", "=", "K", "e", "p", "t", "Enter");
    await terminal.shows(/^ +2 +N?D/m);
    await terminal.press("Home", "j", "F"); // the cursor passes over what is to go
    await terminal.press("End", "d");
    await terminal.shows(/^ +4 +N?D/m);
    // news come in while it is looked at
    {
      using client = await enter(stage.host);
      await client.ok("APPEND INBOX () ", octets("Subject: News\r\n\r\nHello\r\n"));
    }
    await terminal.shows(/News/);
    await terminal.press("q");
    await terminal.ended();
    assertEquals(await stage.folder("INBOX"), ["One \\Seen", "Two parts \\Flagged", "News"]);
    const [kept, ...more] = await stage.folder("Kept");
    assert(kept?.startsWith("Far") && more.length === 0, `${kept} ${more}`);
  },
);
