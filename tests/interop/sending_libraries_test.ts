/**
 * Sending libraries, each by itself over STARTTLS and a login (where it can): a text with dots, HTML with an attachment,
 * three recipients of which one is refused, and two letters of which the first is refused at the end of data.
 */

import { assert, assertEquals } from "@std/assert";
import PostalMime from "postal-mime";
import { PASSWORD, PostOffice, testIf, USER } from "./support/post_office.ts";

const SENDERS = new URL("./support/senders/", import.meta.url).pathname;
/** Where `.ci/run` has put what is no package of Debian. */
const PEERS = "/opt/dinopost-interop";
const GO = `${PEERS}/senders/go-senders`;
const PYTHON = `${PEERS}/venv/bin/python`;

interface Library {
  /** Its name, also in the subjects of its letters. */
  readonly name: string;
  readonly program: string;
  readonly script?: string;
  /** What the three recipients come to: the two get it, or nobody does. */
  readonly three: "others" | "nobody";
  /** What becomes of the text with dots, where the library spoils it. */
  readonly dots?: string;
  /** It can't speak TLS. */
  readonly clear?: true;
}

const DOTS = ".\n..\n.profile\nlast";

const of = (
  program: string,
  script: string | undefined,
  three: Library["three"],
  names: string[],
): Library[] => names.map((name) => ({ name, program, three, ...(script === undefined ? {} : { script }) }));

const LIBRARIES: readonly Library[] = [
  ...of(PYTHON, "senders.py", "others", ["smtplib", "aiosmtplib", "redmail", "Django"]),
  // it writes HTML's line ends into the plain part
  ...of(PYTHON, "senders.py", "others", ["yagmail"]).map((one) => ({
    ...one,
    dots: DOTS.replaceAll("\n", "<br>") + "<br>",
  })),
  ...of("perl", "senders.pl", "others", ["Net::SMTP"]),
  ...of("perl", "senders.pl", "nobody", ["Email::Sender"]),
  ...of("perl", "senders.pl", "nobody", ["MIME::Lite"]).map((one) => ({ ...one, clear: true as const })),
  ...of("perl", "senders.pl", "others", ["Mail::Sendmail"]).map((one) => ({ ...one, clear: true as const })),
  ...of("php", "senders.php", "others", ["PHPMailer"]),
  ...of("php", "senders.php", "nobody", ["pear Mail", "symfony/mailer"]),
  ...of("ruby", "senders.rb", "nobody", ["net-smtp"]),
  // it doubles a lone dot before net-smtp does
  ...of("ruby", "senders.rb", "nobody", ["mail"]).map((one) => ({ ...one, dots: `.${DOTS}` })),
  ...of(GO, undefined, "nobody", ["net/smtp", "jordan-wright/email", "gomail.v2", "go-mail"]),
  ...of("node", "senders.mjs", "others", ["nodemailer"]),
  // it doubles no dot, not even behind the CRLF that ends the header section
  ...of("node", "senders.mjs", "nobody", ["emailjs"]).map((one) => ({ ...one, dots: DOTS.slice(2) })),
  ...of("lua5.3", "senders.lua", "nobody", ["LuaSocket"]).map((one) => ({ ...one, clear: true as const })),
  ...of("tclsh", "senders.tcl", "others", ["Tcllib"]),
];

const CONFIG = {
  accounts: {
    [USER]: { password: PASSWORD },
    "marshall@localhost": { password: "x" },
    // no room for the letter that has to be refused at the end of data
    "small@localhost": { password: "x", quota: "100KiB" },
  },
};

const programs = [...new Set(LIBRARIES.map(({ program }) => program))];

testIf([...programs, `${PEERS}/senders/package.json`], "sending libraries of eight languages", async () => {
  await using office = await PostOffice.open({ letters: false, config: CONFIG });
  const failures: string[] = [];
  for (const library of LIBRARIES) {
    try {
      await send(library, office);
      await check(library, await office.texts());
    } catch (error) {
      failures.push(`${library.name}: ${error instanceof Error ? error.message : error}`);
    }
  }
  assertEquals(failures, []);
});

async function send({ name, program, script }: Library, office: PostOffice): Promise<void> {
  const args = [name, "localhost", String(office.port("submission")), USER, PASSWORD];
  const { code, out, err } = await office.run(
    program,
    script === undefined ? args : [SENDERS + script, ...args],
    {
      env: {
        SSL_CERT_FILE: office.certificate,
        NODE_EXTRA_CA_CERTS: office.certificate,
        SENDERS_MODULES: `${PEERS}/senders`,
      },
    },
  );
  assertEquals(code, 0, `the program ended with ${code}\n${out}${err}`);
}

async function check(library: Library, texts: readonly string[]): Promise<void> {
  const { name } = library;
  const letters = new Map<string, { raw: string; mail: Awaited<ReturnType<typeof PostalMime.parse>> }>();
  for (const raw of texts) {
    const mail = await PostalMime.parse(Uint8Array.from(raw, (octet) => octet.charCodeAt(0)));
    if (mail.subject?.startsWith(`${name} `)) letters.set(mail.subject, { raw, mail });
  }
  const expected = ["dots", "html", "second", ...(library.three === "others" ? ["three"] : [])];
  assertEquals([...letters.keys()].sort(), expected.map((one) => `${name} ${one}`));
  const dots = letters.get(`${name} dots`)!;
  assertEquals(dots.mail.text?.replaceAll("\r\n", "\n").trim(), library.dots ?? DOTS);
  const { html, attachments } = letters.get(`${name} html`)!.mail;
  assert(html?.includes(">Hello<"), `HTML: ${html}`);
  assertEquals(attachments.length, 1);
  assertEquals(new Uint8Array(attachments[0]!.content as ArrayBuffer), DATA);
  for (const { raw, mail } of letters.values()) {
    assertEquals(
      /^Received: from [^;]*? with (?:UTF8SMTP|ESMTP)(S?A)\b/m.exec(raw)?.[1],
      library.clear ? "A" : "SA",
    );
    assert(mail.date && mail.messageId && mail.from?.address === USER, raw);
    assert(!/[^\r]\n|\r[^\n]/.test(raw), "a bare line end is left");
    if (mail.headers.some((field) => field.key === "content-type")) {
      assert(mail.headers.some((field) => field.key === "mime-version"), "no MIME-Version");
    }
  }
}

/** The attachment: what line ends and dots stumble over. */
const DATA = Uint8Array.from("\0\r\n.\r\n\n\xff", (octet) => octet.charCodeAt(0));
