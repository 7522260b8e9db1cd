/** OpenDKIM and dkimpy as verifiers of what we sign, and signers of what we verify; dkimpy for ARC as well. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { ArcVerifier } from "../../src/authentication/arc_verifier.ts";
import { BodyHasher } from "../../src/authentication/dkim_body.ts";
import { rawFields } from "../../src/authentication/dkim_header.ts";
import { listDkimKeys, makeDkimKeys } from "../../src/authentication/dkim_key_files.ts";
import { SigningKeys } from "../../src/authentication/dkim_keys.ts";
import { sentContent } from "../../src/authentication/dkim_outgoing.ts";
import { DkimSigner } from "../../src/authentication/dkim_signer.ts";
import { DkimVerifier } from "../../src/authentication/dkim_verifier.ts";
import { binaryString, concat, encode } from "../../src/base/bytes.ts";
import { systemClock } from "../../src/base/clock.ts";
import { TxtResolver } from "../authentication/txt_resolver.ts";
import { testIf } from "./support/post_office.ts";

const PYTHON = "/opt/dinopost-interop/venv/bin/python";
const PEER = new URL("support/dkim_peer.py", import.meta.url).pathname;

const HEADER = "Received: by x.test\r\nFrom: Brain <brain@ex.test>\r\nTo: a@b.test,\r\n c@d.test\r\n" +
  "Subject:  Lunch \t at\r\n\tnoon \r\nDate: Mon, 30 Nov 2026 03:00:00 +0000\r\nMessage-ID: <1@ex.test>\r\n" +
  "List-Unsubscribe: <https://ex.test/u>\r\nX-Other: x\r\n";
const PLAIN = "From: Brain <brain@ex.test>\r\nTo: a@b.test\r\nSubject: Lunch  at noon\r\n";
const MIME = "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n";
/** All kinds of bodies. */
const MESSAGES: readonly Uint8Array[] = [
  ...["Hello\r\n", "", "\r\n\r\n", " \t\r\n", "Hi\r\n  \r\n\r\n", "a  b \t\r\n\f\r\n", "a\f\r\nb\r\n"],
  ...[".\r\n..\r\nFrom x\r\n", `${"x".repeat(990)}\r\n`, "\r\n\r\n\r\nlast\r\n\r\n", "a\vb\r\n\x1f\r\n"],
].map((body) => encode(`${HEADER}${MIME}\r\n${body}`));
const UMLAUTS: readonly Uint8Array[] = [
  encode(`${HEADER}${MIME}Content-Transfer-Encoding: 8bit\r\n\r\nGrüße\r\n`),
  encode(`${HEADER.replace("Lunch", "Frühstück")}${MIME}\r\nHello ${"long ".repeat(400)}\r\n`),
  encode(`${HEADER}\r\nGrüße ohne MIME\r\n`),
];

interface Scene {
  readonly dir: string;
  readonly zone: Readonly<Record<string, string>>;
  readonly keys: readonly { selector: string; algorithm: string; file: string }[];
  /** Signs as the server does. */
  signed(message: Uint8Array): Promise<Uint8Array>;
}

async function scene(run: (scene: Scene) => Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir({ prefix: "dinopost_dkim_" });
  try {
    await makeDkimKeys({ dataDir: dir, domain: "ex.test" }, { now: systemClock.now(), rotate: false });
    const keys = new SigningKeys(dir, (problem) => {
      throw new Error(problem);
    });
    await keys.load();
    const records = await listDkimKeys(dir, "ex.test");
    await run({
      dir,
      zone: Object.fromEntries(records.map((k) => [`${k.selector}._domainkey.ex.test`, k.record])),
      keys: keys.of("ex.test").map(({ selector, algorithm }) => ({
        selector,
        algorithm,
        file: `${dir}/dkim/ex.test/${selector}.pem`,
      })),
      async signed(message) {
        const content = { size: message.length, text: () => [message] };
        const made = await new DkimSigner(systemClock).sign(content, keys.of("ex.test"));
        return concat(await Array.fromAsync((await sentContent(content, made)).text()));
      },
    });
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

async function output(command: string, args: string[], stdin = ""): Promise<string> {
  const child = new Deno.Command(command, { args, stdin: "piped", stdout: "piped", stderr: "piped" }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(encode(stdin));
  await writer.close();
  const { success, stdout, stderr } = await child.output();
  const [out, err] = [stdout, stderr].map((octets) => binaryString(octets));
  if (!success) throw new Error(`${command} ${args.join(" ")}: ${out}${err}`);
  return out! + (command === PYTHON ? "" : err);
}

async function dkimpy<T>(question: unknown): Promise<T> {
  return JSON.parse(await output(PYTHON, [PEER], JSON.stringify(question)));
}

/** What we make of a message: its signatures and its chain. */
async function verified(message: Uint8Array, zone: Scene["zone"]): Promise<{ dkim: string[]; arc: string }> {
  const text = binaryString(message);
  const blank = text.indexOf("\r\n\r\n") + 4;
  const hasher = new BodyHasher();
  const resolver = new TxtResolver(
    Object.fromEntries(Object.entries(zone).map(([name, record]) => [name, [record]])),
  );
  const by = { hasher, resolver, clock: systemClock };
  const fields = rawFields(message.subarray(0, blank));
  const [dkim, arc] = [new DkimVerifier(fields, by), new ArcVerifier(fields, by)];
  hasher.write(message.subarray(blank));
  hasher.end();
  const results = await dkim.results();
  const chain = await arc.result();
  return {
    dkim: results.map(({ result, reason }) => reason ?? result),
    arc: chain.reason ?? chain.result,
  };
}

testIf(
  ["opendkim"],
  "OpenDKIM verifies what we sign, by RSA and by Ed25519",
  () =>
    scene(async ({ dir, zone, signed }) => {
      await Deno.writeTextFile(
        `${dir}/keys`,
        Object.entries(zone).map(([name, record]) => `${name} ${record}\n`).join(""),
      );
      await Deno.writeTextFile(`${dir}/conf`, `Mode v\nTestPublicKeys ${dir}/keys\n`);
      for (const message of [...MESSAGES, ...UMLAUTS]) {
        await Deno.writeFile(`${dir}/message`, await signed(message));
        const said = await output("opendkim", ["-x", `${dir}/conf`, "-t", `${dir}/message`, "-vv"]);
        for (const algorithm of ["rsa-sha256", "ed25519-sha256"]) {
          const results = said.replaceAll("\n\t", " ");
          assertStringIncludes(results.match(new RegExp(`dkim=[^;]*${algorithm}`))?.[0] ?? said, "dkim=pass");
        }
      }
    }),
);

testIf(
  [PYTHON],
  "dkimpy verifies what we sign, by RSA and by Ed25519",
  () =>
    scene(async ({ zone, signed }) => {
      const messages = await Promise.all([...MESSAGES, ...UMLAUTS].map(signed));
      const verify = messages.map((message) => message.toBase64());
      assertEquals(await dkimpy({ verify, zone }), messages.map(() => [true, true]));
    }),
);

testIf(
  [PYTHON],
  "we verify what dkimpy signs, in every canonicalisation",
  () =>
    scene(async ({ zone, keys }) => {
      const sign = [...MESSAGES, ...UMLAUTS].map((message) => message.toBase64());
      const signed = await dkimpy<string[]>({ sign, keys });
      assertEquals(signed.length, sign.length * keys.length * 4);
      for (const message of signed) {
        assertEquals((await verified(Uint8Array.fromBase64(message), zone)).dkim, ["pass"], atob(message));
      }
    }),
);

testIf(
  ["opendkim"],
  "we verify what OpenDKIM signs, in each form",
  () =>
    scene(async ({ dir, zone, keys }) => {
      for (const given of MESSAGES) {
        // its test mode hands fields on as a milter gets them: without CRs and the blanks around a value
        const message = encode(binaryString(given).replace(HEADER, PLAIN));
        await Deno.writeFile(`${dir}/message`, message);
        for (const key of keys) {
          for (const form of ["simple/simple", "simple/relaxed", "relaxed/simple", "relaxed/relaxed"]) {
            const field = await signedByOpenDkim(dir, key, form);
            const { dkim } = await verified(concat([encode(field), message]), zone);
            assertEquals(dkim, ["pass"], field);
          }
        }
      }
    }),
);

async function signedByOpenDkim(dir: string, key: Scene["keys"][0], form: string): Promise<string> {
  const { selector, algorithm, file } = key;
  const conf = `Mode s\nRequireSafeKeys no\nDomain ex.test\nSelector ${selector}\nKeyFile ${file}\n` +
    `Canonicalization ${form}\nSignatureAlgorithm ${algorithm}\n`;
  await Deno.writeTextFile(`${dir}/conf`, conf);
  const said = await output("opendkim", ["-x", `${dir}/conf`, "-t", `${dir}/message`, "-vv"]);
  const value = /hname='DKIM-Signature' hvalue='([^']*)'/.exec(said)![1]!;
  return `DKIM-Signature: ${value.replaceAll("\n", "\r\n")}\r\n`;
}

testIf([PYTHON], "we verify chains that dkimpy seals", () =>
  scene(async ({ zone, keys }) => {
    const seal = MESSAGES[0]!.toBase64();
    for (const hops of [1, 2, 5]) {
      const sealed = Uint8Array.fromBase64(await dkimpy<string>({ seal, key: keys[0], hops }));
      assertEquals((await verified(sealed, zone)).arc, "pass");
      const changed = encode(binaryString(sealed).replace("arc=none", "arc=pass"));
      assertEquals((await verified(changed, zone)).arc, "the seal does not fit");
    }
  }));
