/** What Dovecot's IMAP answers about messages that are put before it as files, one command after the other. */

import { binaryString, octetsOf } from "../../../src/base/bytes.ts";

const IMAP = "/usr/lib/dovecot/imap";
const NOBODY = 65534;

/** Messages get days from this one on as their internal dates, in seconds since 1970, a second apart. */
export const FIRST_DATE = 1_700_000_000;

/** All that it says, a character for each octet, to each of the commands, which are the same. */
export async function dovecotAnswers(
  messages: readonly Uint8Array[],
  commands: readonly string[],
): Promise<string[]> {
  const dir = await Deno.makeTempDir({ prefix: "dinopost-answers-" });
  try {
    await Deno.chmod(dir, 0o755);
    for (const name of ["run", "mail", "mail/cur", "mail/new", "mail/tmp"]) {
      await Deno.mkdir(`${dir}/${name}`);
      await Deno.chown(`${dir}/${name}`, NOBODY, NOBODY);
    }
    for (const [i, message] of messages.entries()) {
      const path = `${dir}/mail/cur/${FIRST_DATE + i}.M${String(i).padStart(6, "0")}.host:2,`;
      await Deno.writeFile(path, message);
      await Deno.utime(path, FIRST_DATE + i, FIRST_DATE + i);
      await Deno.chown(path, NOBODY, NOBODY);
    }
    await Deno.writeTextFile(
      `${dir}/conf`,
      `mail_location = maildir:${dir}/mail:INDEX=MEMORY
base_dir = ${dir}/run
state_dir = ${dir}/run
log_path = /dev/null
ssl = no
first_valid_uid = 1
`,
    );
    const said: string[] = [];
    // Dovecot answers commands that come together in any order
    for (const command of commands) said.push(await run(dir, command));
    return said;
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

async function run(dir: string, command: string): Promise<string> {
  const child = new Deno.Command("setpriv", {
    args: [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups", IMAP, "-c", `${dir}/conf`],
    env: { USER: "nobody", HOME: dir },
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const writer = child.stdin.getWriter();
  const lines = ["a ENABLE UTF8=ACCEPT", "b SELECT INBOX", `c ${command}`, "d LOGOUT", ""].join("\r\n");
  await writer.write(octetsOf(lines));
  await writer.close();
  const { stdout } = await child.output();
  const said = binaryString(stdout);
  const start = said.indexOf("\r\n", said.indexOf("\r\nb OK") + 2) + 2;
  return said.slice(start, said.indexOf("\r\nc ", start - 2) + 2);
}

/** The items of FETCH answers by message number, with literals as quoted strings, so that both can be compared. */
export function fetchAnswers(said: string): Map<number, string> {
  const answers = new Map<number, string>();
  const head = /\* (\d+) FETCH \(/g;
  for (let found = head.exec(said); found; found = head.exec(said)) {
    let text = "";
    let depth = 1;
    let at = head.lastIndex;
    while (depth > 0 && at < said.length) {
      const string = /"(?:[^"\\]|\\[^])*"|~?\{(\d+)\}\r\n/y;
      string.lastIndex = at;
      const read = string.exec(said);
      if (read) {
        at = string.lastIndex + Number(read[1] ?? 0);
        text += read[1] === undefined ? read[0] : quoted(said.slice(string.lastIndex, at));
        continue;
      }
      const sign = said[at++]!;
      if (sign === "(") depth++;
      else if (sign === ")") depth--;
      if (depth > 0) text += sign;
    }
    answers.set(Number(found[1]), text);
    head.lastIndex = at;
  }
  return answers;
}

function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, "\\$&")}"`;
}
