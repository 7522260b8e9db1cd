/** Mail sent and fetched with curl, as README shows it; by hand where there is no curl. */

import { Pop3Client } from "../../../src/testing/mod.ts";
import { SmtpTalk } from "./smtp_talk.ts";

interface Place {
  readonly hostname: string;
  readonly port: number;
}

/** Sends a message; throws when it is not taken. */
export async function sendByCurl(
  smtp: Place,
  message: { from: string; to: string; text: string },
): Promise<void> {
  const { from, to, text } = message;
  const args = ["--url", `smtp://${smtp.hostname}:${smtp.port}`, "--mail-from", from, "--mail-rcpt", to];
  if (await curl([...args, "--upload-file", "-"], text) !== undefined) return;
  using talk = await SmtpTalk.connect(smtp);
  const reply = await talk.send({ from, to: [to], text });
  if (!reply.startsWith("250 ")) throw new Error(reply);
}

/** Fetches message 1 of a mailbox. */
export async function fetchByCurl(pop3: Place, user: string, password: string): Promise<string> {
  const url = `pop3://${pop3.hostname}:${pop3.port}/1`;
  const out = await curl(["--user", `${user}:${password}`, url], "");
  if (out !== undefined) return out;
  await using client = await Pop3Client.connect(pop3);
  await client.login(user, password);
  return await client.lines("RETR 1");
}

/** What curl says on stdout; undefined: there is no curl. Throws when it fails. */
async function curl(args: readonly string[], stdin: string): Promise<string | undefined> {
  const command = new Deno.Command("curl", {
    args: ["--silent", "--show-error", "--max-time", "20", ...args],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  });
  let child: Deno.ChildProcess;
  try {
    child = command.spawn();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(stdin)).catch(() => {});
  await writer.close().catch(() => {});
  const { success, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  if (!success) throw new Error(`curl ${args.join(" ")}: ${decoder.decode(stderr)}`);
  return decoder.decode(stdout);
}
