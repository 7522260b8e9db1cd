/** A person reads a mailbox in mutt, in a terminal, as README shows it. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { LETTERS, PASSWORD, testWith, USER } from "./support/post_office.ts";
import { Terminal } from "./support/terminal.ts";

const NEEDED = ["mutt", "tmux"];

/** What README tells to put into `~/.muttrc`, and what keeps a test from being asked things. */
function muttrc(more: string): string {
  return `set pop_user="${USER}"
set pop_pass="${PASSWORD}"
set pop_checkinterval=1
set quit=yes delete=yes confirmappend=no mark_old=no header_cache="" message_cachedir=""
set index_format="%4C %Z %s" charset=utf-8 sort=mailbox-order
set record="" postponed="" mbox=""
${more}`;
}

testWith(NEEDED, "mutt reads and deletes letters over TLS, in a terminal", async (office) => {
  const rc = await office.file(
    "muttrc",
    muttrc(`set certificate_file="${office.certificate}" ssl_force_tls=yes
set folder="${office.dir}"
set spoolfile="pops://localhost:${office.port("pop3s")}/"`),
  );
  await using terminal = await Terminal.start(office, `mutt -F '${rc}'`);
  const index = await terminal.shows(/A long one/);
  for (const { subject } of LETTERS) assertMatch(index, new RegExp(`\\d .*${subject}`));
  // the first letter
  await terminal.press("Home", "Enter");
  const letter = await terminal.shows(/How are you, old friend\?/);
  assertMatch(letter, /Subject: A short one/);
  // the second one, whose lines begin with dots
  await terminal.press("j");
  const dots = await terminal.shows(/\.hidden/);
  assertMatch(dots, /^\.\s*\n\.\.\s*\n\.hidden\s*\n\s*\n\.\.\.\s*\nFrom here on\s*\n>From there/m);
  // the third one, in UTF-8
  await terminal.press("j");
  assertMatch(await terminal.shows(/K\u00c3\u00b6ln/), /Gr\u00c3\u00bc\u00c3\u009fe aus/);
  // away with it
  await terminal.press("i");
  await terminal.shows(/A long one/);
  await terminal.press("Home", "d");
  await terminal.shows(/^ +1 +D/m);
  await terminal.press("q");
  await terminal.ended();
  assertEquals(await office.subjects(), LETTERS.slice(1).map(({ subject }) => subject));
});

testWith(NEEDED, "mutt reads letters after STLS, and by fetch-mail into a folder", async (office) => {
  await Deno.writeTextFile(`${office.dir}/inbox`, "");
  const rc = await office.file(
    "muttrc",
    muttrc(
      `set certificate_file="${office.certificate}" ssl_starttls=yes ssl_force_tls=yes
set pop_host="pop://localhost:${office.port("pop3")}/" pop_delete=yes
set folder="${office.dir}" spoolfile="${office.dir}/inbox" mbox_type=mbox`,
    ),
  );
  await using terminal = await Terminal.start(office, `mutt -F '${rc}'`);
  await terminal.shows(/inbox/);
  await terminal.press("G");
  await terminal.shows(/A long one/);
  await terminal.press("q");
  await terminal.ended();
  assertEquals(await office.subjects(), []);
  const inbox = await Deno.readTextFile(`${office.dir}/inbox`);
  assertEquals(inbox.match(/^Subject: /gm)!.length, LETTERS.length);
  assert(inbox.includes("\n.hidden\n"));
});

testWith(
  ["mutt"],
  "mutt sends a letter over TLS, with the whole address as the user's name",
  async (office) => {
    const rc = await office.file(
      "muttrc",
      `set certificate_file="${office.certificate}" ssl_force_tls=yes record="" from="${USER}" realname=Brain
set smtp_url="smtps://${USER}@localhost:${office.port("submissions")}/" smtp_pass="${PASSWORD}"
set folder="${office.dir}" spoolfile="${office.dir}/inbox" sendmail_wait=0`,
    );
    const { code, out, err } = await office.run("mutt", ["-F", rc, "-s", "To myself", "--", USER], {
      stdin: "Hello\n",
    });
    assertEquals(code, 0, out + err);
    assertEquals(await office.subjects(), [...LETTERS.map(({ subject }) => subject), "To myself"]);
  },
);
