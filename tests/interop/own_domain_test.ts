/** The way of README's chapter 'A domain of your own': from nothing to a `check --dns` that finds all of it right. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { runCli } from "../cli/run_cli.ts";
import { ServerProcess } from "../e2e/support/server_process.ts";
import { zonesOf } from "../support/zone_file.ts";
import { Pebble } from "./support/pebble.ts";

const PYTHON = "/opt/dinopost-interop/venv/bin/python";
/** Ours: port 443 is where others look for the policy. */
const ADDRESS = "127.0.71.1";

/** The configuration that `init` wrote with its comments taken away, as the chapter says, on our address. */
function forTheWorld(text: string, pebble: Pebble): string {
  return text.replace(/^ {2}"listen": \{[\s\S]*?^ {2}\},$/m, "")
    .replaceAll(/^ {2}\/\/ (?= *(?:"\w+": |\}))/gm, "  ")
    .replaceAll("0.0.0.0:80", `${ADDRESS}:${pebble.ports.http}`)
    .replaceAll("0.0.0.0", ADDRESS)
    .replace("127.0.0.1:8025", `${ADDRESS}:0`)
    .replace('"acme": {', `"acme": { "directory": "${pebble.directory}",`);
}

Deno.test("a newcomer comes from nothing to a domain that is right in every line", async () => {
  await using pebble = await Pebble.start({ life: 90 * 86_400 });
  const cwd = await Deno.makeTempDir({ prefix: "dinopost-domain-" });
  const trust = `${cwd}/roots.pem`;
  await Deno.writeTextFile(trust, await Deno.readTextFile(pebble.trust) + await pebble.manage("/roots/0"));
  const env = {
    DENO_CERT: trust,
    DINOPOST_DNS_NAME_SERVER: pebble.dns.address,
    DINOPOST_OUTBOUND_ALLOW_PRIVATE: "true",
    DINOPOST_LISTEN_POP3: "127.0.0.1:0",
  };
  try {
    const printed = await runCli(["init", "--domain", "own.example"], { cwd, env });
    assertEquals(printed.code, 0, printed.err);
    pebble.dns.zones = zonesOf(printed.out);
    pebble.dns.zones["mail.own.example"] = { A: [ADDRESS] };
    pebble.dns.zones["1.71.0.127.in-addr.arpa"] = { PTR: ["mail.own.example"] };
    const file = `${cwd}/dinopost.jsonc`;
    await Deno.writeTextFile(file, forTheWorld(await Deno.readTextFile(file), pebble));

    await using server = await ServerProcess.ready({ cwd, env });
    await server.said("certificate received");
    const check = await runCli(["check", "--dns"], { cwd, env });
    const lines = check.out.split("\n").filter((line) => /^(?:right|wrong|unknown) /.test(line));
    assertEquals(lines.filter((line) => !line.startsWith("right ")), [], check.out);
    assertEquals([check.code, lines.length], [0, 10]);
    assertMatch(
      check.out,
      /^right +MTA-STS +mta-sts\.own\.example: policy: mode enforce, mail\.own\.example$/m,
    );
    assert(check.out.includes(`It listens for https on ${ADDRESS}:443.`), check.out);
  } finally {
    await Deno.remove(cwd, { recursive: true });
  }
});

const READ_ZONE = `
import json, sys, dns.zone
zone = dns.zone.from_text(sys.stdin.read(), origin="own.example.", relativize=False, check_origin=False)
print(json.dumps(sorted(
    [name.to_text(), record.rdtype.name, [s.decode() for s in record.strings] if record.rdtype.name == "TXT" else record.to_text()]
    for name, node in zone.items() for records in node for record in records)))
`;

Deno.test("what init prints is a zone file to dnspython, too", async () => {
  const cwd = await Deno.makeTempDir({ prefix: "dinopost-domain-" });
  try {
    const { out } = await runCli(["init", "--domain", "own.example"], { cwd });
    const child = new Deno.Command(PYTHON, { args: ["-c", READ_ZONE], stdin: "piped", stdout: "piped" })
      .spawn();
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(out));
    await writer.close();
    const { stdout } = await child.output();
    const read: [string, string, string | string[]][] = JSON.parse(new TextDecoder().decode(stdout));
    const ours = Object.entries(zonesOf(out)).flatMap(([name, { MX = [], TXT = [], CNAME }]) => [
      ...MX.map(([preference, host]) => [`${name}.`, "MX", `${preference} ${host}`]),
      ...TXT.map((text) => [`${name}.`, "TXT", text]),
      ...(CNAME === undefined ? [] : [[`${name}.`, "CNAME", CNAME]]),
    ]);
    const theirs = read.map(([name, type, data]) => [name, type, Array.isArray(data) ? data.join("") : data]);
    assertEquals(theirs.map(String).toSorted(), ours.map(String).toSorted());
    assert(read.every(([, , data]) => !Array.isArray(data) || data.every((text) => text.length <= 255)));
  } finally {
    await Deno.remove(cwd, { recursive: true });
  }
});
