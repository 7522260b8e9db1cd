/** authheaders and pyspf judge what we sign by what `init` prints: a newcomer's mail passes SPF, DKIM and DMARC. */

import { assertEquals } from "@std/assert";
import { SigningKeys } from "../../src/authentication/dkim_keys.ts";
import { sentContent } from "../../src/authentication/dkim_outgoing.ts";
import { DkimSigner } from "../../src/authentication/dkim_signer.ts";
import { concat, decode, encode } from "../../src/base/bytes.ts";
import { systemClock } from "../../src/base/clock.ts";
import { testIf } from "./support/post_office.ts";

const PYTHON = "/opt/dinopost-interop/venv/bin/python";
const JUDGE = new URL("support/mail_judge.py", import.meta.url).pathname;
const PROGRAM = new URL("../../mod.ts", import.meta.url).pathname;

const MESSAGE = encode(
  "From: Brain <brain@example.com>\r\nTo: jsmith@mindspring.com\r\nSubject: Lunch\r\n" +
    "Date: Mon, 30 Nov 2026 03:00:00 +0000\r\nMessage-ID: <1@example.com>\r\n\r\nNoon?\r\n",
);

async function output(command: string, args: string[], stdin = ""): Promise<string> {
  const child = new Deno.Command(command, { args, stdin: "piped", stdout: "piped", stderr: "piped" }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(encode(stdin));
  await writer.close();
  const { success, stdout, stderr } = await child.output();
  if (!success) throw new Error(`${command}: ${decode(stderr)}`);
  return decode(stdout);
}

/** What the judges say of a message from an address: `["spf pass", …]`. */
async function judged(message: Uint8Array, { zone, ip }: { zone: string; ip: string }): Promise<string[]> {
  const question = {
    zone,
    ip,
    origin: "example.com.",
    message: message.toBase64(),
    from: "brain@example.com",
    helo: "mail.example.com",
  };
  const { words } = JSON.parse(await output(PYTHON, [JUDGE], JSON.stringify(question)));
  return words.map((pair: [string, string]) => pair.join(" "));
}

testIf([PYTHON], "foreign judges pass what we sign, by the records that init prints", async () => {
  const dir = await Deno.makeTempDir({ prefix: "dinopost_judged_" });
  try {
    const init = [
      "run",
      "-A",
      PROGRAM,
      "init",
      "--domain",
      "example.com",
      "--config",
      `${dir}/dinopost.jsonc`,
    ];
    const zone = `${await output(Deno.execPath(), init)}mail.example.com. 3600 IN A 192.0.2.7\n`;
    const keys = new SigningKeys(`${dir}/data`, (problem) => {
      throw new Error(problem);
    });
    await keys.load();
    const content = { size: MESSAGE.length, text: () => [MESSAGE] };
    const signed = await new DkimSigner(systemClock).sign(content, keys.of("example.com"));
    const sent = concat(await Array.fromAsync((await sentContent(content, signed)).text()));

    // of two signatures authheaders looks at the first
    assertEquals(await judged(sent, { zone, ip: "192.0.2.7" }), ["spf pass", "dkim pass", "dmarc pass"]);
    // somebody else's machine: what is signed holds
    const elsewhere = await judged(sent, { zone, ip: "198.51.100.9" });
    assertEquals(elsewhere, ["spf softfail", "dkim pass", "dmarc pass"]);
    // and who forges has neither
    const forged = await judged(MESSAGE, { zone, ip: "198.51.100.9" });
    assertEquals(forged.filter((word) => !word.startsWith("dkim")), ["spf softfail", "dmarc fail"]);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
