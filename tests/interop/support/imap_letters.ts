/** Letters of many kinds for mailboxes: each the same whenever it is made, and none like another. */

import { octets } from "../../support/imap_client.ts";

/** Folder names as IMAP4rev1 has them, in modified UTF-7: a plain one, one below another, one with letters and signs. */
export const FOLDERS = ["INBOX", "Archive", "Lists/dev", "M&APw-ll &- Co"];

/** Flags that every program brings over. */
const FLAGS = ["", "\\Seen", "\\Answered \\Seen", "\\Flagged", "\\Draft", "\\Flagged \\Seen"];

/** A letter to be put into a folder. */
export interface Letter {
  readonly folder: string;
  readonly flags: string;
  /** As APPEND has it. */
  readonly date: string;
  readonly text: Uint8Array<ArrayBuffer>;
}

/** The letter of that number; `from` tells two sides apart. */
export function letter(n: number, from: string): Letter {
  const head = `From: "Sender ${n}" <sender@${from}.test>\r\nTo: brain@localhost\r\n` +
    `Message-ID: <${n}@${from}.test>\r\nDate: Mon, 5 Jan 2026 09:00:00 +0000\r\n`;
  const kind = KINDS[n % KINDS.length]!;
  const day = String(1 + n % 28).padStart(2, " ");
  return {
    folder: FOLDERS[Math.floor(n / 3) % FOLDERS.length]!,
    flags: FLAGS[n % FLAGS.length]!,
    date: `"${day}-Nov-2025 0${n % 10}:00:0${n % 7} +0${n % 3}00"`,
    text: octets(head + kind(n)),
  };
}

/** What stands behind the common lines of the head. */
const KINDS: readonly ((n: number) => string)[] = [
  (n) => `Subject: Plain ${n}\r\n\r\nNumber ${n}.\r\n${"A line of a letter.\r\n".repeat(n % 40)}`,
  (n) =>
    `Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe_${n}?=\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nGr\xc3\xbc\xc3\x9fe ${n}\r\n`,
  (n) => `Subject: Dots and From ${n}\r\n\r\n.\r\n..\r\nFrom here\r\n>From there\r\n {12}\r\n(a) "b" \\c\r\n`,
  (n) => `Subject: No end ${n}\r\n\r\nThe last line has no end`,
  (n) => `Subject: A folded\r\n subject ${n}\r\nReferences: <1@a.test>\r\n\t<2@a.test>\r\n\r\n\r\n\r\n`,
  (n) =>
    `Subject: Two parts ${n}\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="=_${n}"\r\n\r\n` +
    `--=_${n}\r\nContent-Type: text/plain\r\n\r\nSee there\r\n--=_${n}\r\nContent-Type: application/octet-stream\r\n` +
    `Content-Transfer-Encoding: base64\r\n\r\n${
      `${"QUJD".repeat(19)}\r\n`.repeat(20 + n % 50)
    }--=_${n}--\r\n`,
  (n) => `Subject: Raw \xe4\xf6\xfc ${n}\r\n\r\n\x80\xff\xfe are no UTF-8 ${"x".repeat(n % 2000)}\r\n`,
  (n) => `Subject: Empty ${n}\r\n\r\n`,
];
