/** Those who use one mailbox at once: two IMAP clients, one of POP3, one of the API, and SMTP that brings letters. */

import type { Random } from "../../../src/base/random.ts";
import { Pop3Client } from "../../../src/testing/mod.ts";
import { ImapClient, octets, type Place, type Reply } from "../../support/imap_client.ts";
import { coded, fetched } from "../../support/imap_values.ts";
import { COPIES, FLAGS, type Letter, type MailboxLedger, type Owner, type Spot } from "./mailbox_ledger.ts";
import { SmtpTalk } from "./smtp_talk.ts";

/** Whose mailbox it is. */
export interface Reader {
  readonly user: string;
  readonly password: string;
}

/** Does one thing after the other until the connection breaks or it is told to stop. */
export type User = (stop: AbortSignal) => Promise<void>;

/** An IMAP client that appends, flags, moves, copies and removes its letters. */
export function imapUser(
  place: Place,
  { user, password }: Reader,
  of: { owner: Owner; ledger: MailboxLedger; random: Random },
): User {
  const { owner, ledger, random } = of;
  let selected = "";

  async function select(client: ImapClient, folder: string): Promise<void> {
    if (selected === folder) return;
    selected = "";
    const { lines } = await client.ok(`SELECT ${folder}`);
    ledger.told(folder, coded(lines, "HIGHESTMODSEQ"));
    selected = folder;
  }

  /** What the answer tells of mod-sequences. */
  function heed(folder: string, reply: Reply): Reply {
    for (const message of fetched(reply.lines)) {
      const modseq = message.get("MODSEQ");
      if (Array.isArray(modseq)) ledger.told(folder, Number(modseq[0]));
    }
    return reply;
  }

  async function append(client: ImapClient): Promise<void> {
    const letter = ledger.make(owner);
    const flagged = random.float() < 0.3;
    const arrived = letter.moves("INBOX");
    const marked = letter.marks("\\Flagged", flagged);
    const reply = await client.ok(`APPEND INBOX (${flagged ? "\\Flagged" : ""}) `, octets(letter.text));
    const uid = Number(/^\[APPENDUID \d+ (\d+)\]/.exec(reply.text)?.[1]);
    arrived(uid);
    marked();
    ledger.given("INBOX", uid, letter);
  }

  async function flag(client: ImapClient, letter: Letter, spot: Spot): Promise<void> {
    await select(client, spot);
    const name = FLAGS[Math.floor(random.float() * FLAGS.length)]!;
    const on = random.float() < 0.6;
    const marked = letter.marks(name, on);
    const { uid } = letter;
    heed(spot, await client.ok(`UID STORE ${uid} ${on ? "+" : "-"}FLAGS (${name})`));
    marked();
  }

  async function move(client: ImapClient, letter: Letter, spot: Spot): Promise<void> {
    await select(client, spot);
    const to = spot === "INBOX" ? "Work" : "INBOX";
    const { uid } = letter;
    const arrived = letter.moves(to);
    const { lines, text } = await client.ok(`UID MOVE ${uid} ${to}`);
    const [, now] = /\[COPYUID \d+ \d+ (\d+)\]/.exec([...lines, text].join("\n")) ?? [];
    if (now === undefined) throw new Error(`UID ${uid} of ${spot} was not moved: ${text}`);
    arrived(Number(now));
    ledger.given(to, Number(now), letter);
  }

  async function copy(client: ImapClient, letter: Letter, spot: Spot): Promise<void> {
    await select(client, spot);
    const arrived = letter.copied();
    const { text } = await client.ok(`UID COPY ${letter.uid} ${COPIES}`);
    arrived();
    ledger.given(COPIES, Number(/\[COPYUID \d+ \d+ (\d+)\]/.exec(text)![1]), letter);
  }

  async function remove(client: ImapClient, letter: Letter, spot: Spot): Promise<void> {
    await select(client, spot);
    const { uid } = letter;
    await client.ok(`UID STORE ${uid} +FLAGS.SILENT (\\Deleted)`);
    const gone = letter.moves("gone");
    await client.ok(`UID EXPUNGE ${uid}`);
    gone();
  }

  return async (stop) => {
    using client = await ImapClient.login(place, user, password);
    selected = "";
    await client.ok("ENABLE CONDSTORE");
    while (!stop.aborted) {
      const mine = ledger.letters.filter(({ owner: its, spot, uid }) =>
        its === owner && spot !== undefined && spot !== "gone" && uid !== undefined
      );
      const letter = mine[Math.floor(random.float() * mine.length)];
      const dice = random.float();
      if (!letter || dice < 0.3) await append(client);
      else if (dice < 0.6) await flag(client, letter, letter.spot!);
      else if (dice < 0.75) await move(client, letter, letter.spot!);
      else if (dice < 0.85) await copy(client, letter, letter.spot!);
      else await remove(client, letter, letter.spot!);
    }
  };
}

/** Letters that come by SMTP, for POP3 and for the API in turn. */
export function smtpUser(place: Place, { user }: Reader, ledger: MailboxLedger): User {
  return async (stop) => {
    using talk = await SmtpTalk.connect(place);
    for (let n = 0; !stop.aborted; n++) {
      const letter = ledger.make(n % 2 === 0 ? "pop" : "api");
      const arrived = letter.moves("INBOX");
      const reply = await talk.send({ from: "far@kill.test", to: [user], text: letter.text });
      if (!reply.startsWith("250")) throw new Error(`A letter was refused: ${reply}`);
      arrived();
    }
  };
}

/** POP3: reads its letters and takes some away. */
export function pop3User(
  place: Place,
  { user, password }: Reader,
  of: { ledger: MailboxLedger; random: Random },
): User {
  const { ledger, random } = of;
  return async (stop) => {
    while (!stop.aborted) {
      await using client = await Pop3Client.connect(place);
      await client.login(user, password);
      const lines = (await client.lines("UIDL")).split("\r\n").filter((line) => line !== "");
      const gone: (() => void)[] = [];
      for (const line of lines.slice(-30)) {
        const [number] = line.split(" ");
        // others remove theirs meanwhile
        const head = await client.lines(`TOP ${number} 0`).catch((error) => {
          if (/is gone/.test(error.message)) return "";
          throw error;
        });
        const letter = ledger.letters[Number(/^Message-ID: <(\d+)@/m.exec(head)?.[1])];
        if (letter?.owner !== "pop" || letter.spot !== "INBOX" || random.float() < 0.5) continue;
        const text = await client.lines(`RETR ${number}`);
        if (!text.endsWith(letter.text)) ledger.problems.push(`letter ${letter.n} is damaged over POP3`);
        await client.command(`DELE ${number}`);
        gone.push(letter.moves("gone"));
      }
      await client.quit();
      for (const over of gone) over();
    }
  };
}

/** The API: lists a folder, reads, flags and moves in one call, and takes some away. */
export function apiUser(
  url: string,
  { user }: Reader,
  of: { token: string; ledger: MailboxLedger; random: Random },
): User {
  const { ledger, random } = of;
  const headers = { authorization: `Bearer ${of.token}` };
  const messages = `${url}/api/v1/mailboxes/${user}/messages`;

  async function read(uid: string, letter: Letter): Promise<void> {
    const raw = await fetch(`${messages}/${uid}`, { headers: { ...headers, accept: "message/rfc822" } });
    const text = await raw.text();
    if (raw.ok && !text.endsWith(letter.text)) {
      const [lines, wanted] = [text, letter.text].map((one) => one.split("\r\n").reverse());
      const at = lines!.findIndex((line, n) => line !== wanted![n]);
      const where = `${at} lines from its end: ${lines![at]} instead of ${wanted![at]}`;
      ledger.problems.push(`letter ${letter.n} of ${letter.text.length} is damaged in the API, ${where}`);
    }
  }

  async function change(uid: string, letter: Letter): Promise<void> {
    const flag = FLAGS[Math.floor(random.float() * FLAGS.length)]!;
    const on = random.float() < 0.6;
    const folder = random.float() < 0.5 ? "INBOX" : "Work";
    const marked = letter.marks(flag, on);
    const arrived = letter.moves(folder);
    const body = JSON.stringify({ [on ? "addFlags" : "removeFlags"]: [flag], folder });
    const json = { ...headers, "content-type": "application/json" };
    const answer = await fetch(`${messages}/${uid}`, { method: "PATCH", headers: json, body });
    const said = await answer.text();
    if (answer.status !== 200) throw new Error(`PATCH was answered by ${answer.status} ${said}`);
    const is = JSON.parse(said) as { flags: string[]; folder: string };
    if (is.folder !== folder || is.flags.includes(flag) !== on) {
      ledger.problems.push(`PATCH of letter ${letter.n} by ${body} made it ${is.folder} ${is.flags}`);
    }
    marked();
    arrived();
  }

  async function remove(uid: string, letter: Letter): Promise<void> {
    const gone = letter.moves("gone");
    const answer = await fetch(`${messages}/${uid}`, { method: "DELETE", headers });
    await answer.body?.cancel();
    if (answer.status !== 204) throw new Error(`DELETE was answered by ${answer.status}`);
    gone();
  }

  return async (stop) => {
    for (let n = 0; !stop.aborted; n++) {
      const folder = n % 3 === 2 ? "Work" : "INBOX";
      const response = await fetch(`${messages}?limit=50&folder=${folder}`, { headers });
      const { items } = await response.json() as { items: { uid: string; subject: string }[] };
      for (const { uid, subject } of items) {
        const [, number, owner] = /^Letter (\d+) of (\w+)$/.exec(subject) ?? [];
        const letter = ledger.letters[Number(number)];
        if (!letter || owner !== "api" || letter.spot !== folder || random.float() < 0.5) continue;
        await read(uid, letter);
        if (random.float() < 0.6) await change(uid, letter);
        else await remove(uid, letter);
      }
    }
  };
}
