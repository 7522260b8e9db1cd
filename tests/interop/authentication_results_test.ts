/** The field that tells what our checks came to, read by foreign parsers: each finds in it what we meant. */

import { assertEquals } from "@std/assert";
import {
  type MethodResult,
  readResults,
  resultsField,
} from "../../src/authentication/authentication_results.ts";
import { type CheckResults, methodResults } from "../../src/authentication/check_results.ts";

const support = (name: string) => new URL(`support/${name}`, import.meta.url).pathname;
const PYTHON = Deno.env.get("INTEROP_PYTHON") ?? "/opt/dinopost-interop/venv/bin/python";
const READERS = {
  authres: [PYTHON, support("read_results.py")],
  "Mail::AuthenticationResults": ["perl", support("read_results.pl")],
} as const;

const record = {
  p: "reject",
  sp: undefined,
  np: undefined,
  adkim: "r",
  aspf: "r",
  psd: "u",
  testing: false,
} as const;
const nobody = { spf: false, dkim: false };

const checked: Record<string, CheckResults> = {
  "all pass": {
    iprev: { result: "pass", ip: "2001:db8::1", name: "mail.example.com" },
    spf: { result: "pass", identity: "mailfrom", domain: "example.com", reason: "ip4:192.0.2.0/24" },
    dkim: [
      {
        result: "pass",
        domain: "example.com",
        selector: "2026_a.b",
        algorithm: "rsa-sha256",
        start: "dz/dV+fA",
      },
      {
        result: "pass",
        domain: "xn--bcher-kva.example",
        selector: "e",
        algorithm: "ed25519-sha256",
        start: "AbC=",
      },
    ],
    arc: { result: "pass", sealers: ["lists.example.org"] },
    dmarc: { result: "pass", domain: "example.com", disposition: "none", policy: "reject", aligned: nobody },
  },
  "all fail, with reasons of others": {
    iprev: { result: "fail", ip: "192.0.2.1", name: "x.example", reason: "no name leads back" },
    spf: {
      result: "permerror",
      identity: "helo",
      domain: "mail.example.com",
      reason: 'SPF: "a:(b;c" \\ can\'t = be read, é',
    },
    dkim: [{ result: "fail", reason: "the body hash does not fit", domain: "example.com", selector: "s" }],
    arc: { result: "fail", reason: "the set i=1 is not whole" },
    dmarc: {
      result: "fail",
      domain: "example.com",
      disposition: "reject",
      policy: "reject",
      record: { ...record, rua: [], ruf: [], fo: "0" },
      aligned: nobody,
      reason: "neither SPF nor DKIM passes; (really)",
    },
  },
  "little is known": {
    iprev: { result: "permerror", ip: "192.0.2.1" },
    spf: { result: "none", identity: "helo", domain: "[192.0.2.1]", reason: "no domain" },
    dkim: [],
    arc: { result: "none" },
    dmarc: { result: "none", domain: "", disposition: "none", aligned: nobody },
  },
};

for (const [reader, [command, ...args]] of Object.entries(READERS)) {
  for (const [what, results] of Object.entries(checked)) {
    Deno.test(`${reader} reads the field: ${what}`, async () => {
      const field = resultsField("mail.example.org", methodResults(results));
      const read = JSON.parse(await run(command!, args, field));
      // as we read it ourselves: what is written for them is what we mean
      const ours = readResults(field.slice(field.indexOf(":") + 1))!;
      assertEquals(read.host, ours.host);
      assertEquals(read.results.map(plain), ours.results.map(plain));
    });
  }
}

function plain({ method, result, reason, properties }: MethodResult) {
  return { method, result, reason: reason ?? null, properties: { ...properties } };
}

async function run(command: string, args: readonly string[], input: string): Promise<string> {
  const child = new Deno.Command(command, {
    args: [...args],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(input));
  await writer.close();
  const { success, stdout, stderr } = await child.output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}
