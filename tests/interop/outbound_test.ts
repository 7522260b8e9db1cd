/** The client and servers of other makes: odd keys, logins, long lines, few recipients. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { encode } from "../../src/base/bytes.ts";
import { systemClock } from "../../src/base/clock.ts";
import { systemRandom } from "../../src/base/random.ts";
import { RemoteAgent } from "../../src/delivery/remote_agent.ts";
import { type ClientOptions, type OutgoingMessage, SmtpClient } from "../../src/smtp/client/client.ts";
import { FakeResolver } from "../dns/fake_resolver.ts";
import { exim, postfix } from "./support/foreign_server.ts";
import { ADDRESS, Foreign, HOST } from "./support/foreign.ts";
import { testIf } from "./support/post_office.ts";
import { end, until } from "./support/programs.ts";

const JSMITH = "jsmith@mindspring.com";

function connect(options: Partial<ClientOptions> = {}) {
  const target = { host: HOST, address: ADDRESS, port: 25 };
  return SmtpClient.connect(target, {
    hostname: "mail.howstuffworks.com",
    clock: systemClock,
    tls: "opportunistic",
    ...options,
  });
}

function letter(text: string, recipients: readonly string[] = [JSMITH]): OutgoingMessage {
  const bytes = encode(text);
  return {
    sender: "brain@howstuffworks.com",
    recipients: recipients.map((address) => ({ address })),
    size: bytes.length,
    parameters: {},
    text: () => [bytes],
  };
}

/** Keys that mail servers have, and what becomes of TLS with them; where it is open, either is right. */
const KEYS: Record<string, [args: readonly string[], encrypted: boolean | "open"]> = {
  "P-256": [["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"], true],
  "RSA-1024": [["-newkey", "rsa:1024"], "open"],
  "P-224": [["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp224r1"], "open"],
  "brainpool": [["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:brainpoolP256r1"], "open"],
  "RSA-PSS": [["-newkey", "rsa-pss", "-pkeyopt", "rsa_keygen_bits:2048"], "open"],
};

for (const [name, [key, encrypted]] of Object.entries(KEYS)) {
  testIf(
    [...postfix.programs, "unshare"],
    `a letter reaches Postfix with a key of ${name}, and says how`,
    async () => {
      const settings = {
        tls_low_cipherlist: "ALL:@SECLEVEL=0",
        tls_medium_cipherlist: "ALL:@SECLEVEL=0",
        smtpd_tls_ciphers: "low",
      };
      await using _theirs = await Foreign.start(postfix, { key, settings });
      const result = await connect();
      assert(result.ok, JSON.stringify(result));
      const [outcome] = await result.client.send(letter("Subject: x\r\n\r\nHello\r\n"));
      await result.client.quit();
      assertEquals(outcome!.kind, "delivered");
      if (encrypted === true) assertMatch(outcome!.tls!, /^TLSv1/);
      // Deno may learn the others: either is right, and clear without a reason is not
      else assert((outcome!.tls === undefined) === (outcome!.inClear !== undefined));

      const why = "The policy of mindspring.com (MTA-STS) demands verified TLS";
      const demanded = await connect({ demand: { by: "sts", why } });
      assert(!demanded.ok);
      const { kind, status, text } = demanded.outcome;
      assertEquals([kind, status], ["deferred", "4.7.5"]);
      assert(text.startsWith(`${why}, but `), text);
      // a peer that Deno can't speak TLS with is no peer whose certificate is not trusted
      assertMatch(
        text,
        outcome!.tls === undefined ? /no key that TLS can be spoken with here/ : /is not trusted/,
      );
    },
  );
}

testIf(
  [...exim.programs],
  "Exim, which refuses lines over 998 octets, takes a letter that had some",
  async () => {
    await using theirs = await Foreign.start(exim);
    const words = "Many words and more ".repeat(150).trim();
    const text = `Subject: ${words}\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n${words}\r\n`;
    const result = await connect();
    assert(result.ok);
    assertEquals((await result.client.send(letter(text))).map(({ kind, text }) => [kind, text][0]), [
      "delivered",
    ]);
    await result.client.quit();
    const got = await theirs.letter();
    assert(got.split("\n").every((line) => line.length <= 998));
    assert(got.replace(/\n(?=[ \t])/g, "").includes(`Subject: ${words}\n`));
    assert(got.replaceAll("=\n", "").endsWith(`\n\n${words}\n`));
  },
);

for (const mechanism of ["plain", "login", "cram-md5", "scram-sha-256"]) {
  testIf(
    [...postfix.programs, "dovecot", "unshare"],
    `Postfix and Dovecot know us by ${mechanism}`,
    async () => {
      let dovecot: Deno.ChildProcess | undefined;
      const before = async (dir: string) => void (dovecot = await startDovecot(dir, mechanism));
      const settings = {
        smtpd_sasl_auth_enable: "yes",
        smtpd_sasl_type: "dovecot",
        smtpd_sasl_path: "DIR/sasl/auth",
        smtpd_sasl_security_options: "noanonymous",
        smtpd_recipient_restrictions: "permit_sasl_authenticated,reject",
      };
      try {
        await using theirs = await Foreign.start(postfix, { settings }, before);
        const options = { tls: "require", ca: [await theirs.certificate()] } as const;
        const result = await connect({ ...options, auth: { user: "brain", password: "geheim, =\u00fc" } });
        assert(result.ok, JSON.stringify(result));
        assertEquals([...result.client.extensions.auth], [mechanism.toUpperCase()]);
        const [outcome] = await result.client.send(letter("Subject: x\r\n\r\nHello\r\n"));
        assertEquals(outcome!.kind, "delivered", outcome!.text);
        await result.client.quit();
        const wrong = await connect({ ...options, auth: { user: "brain", password: "wrong" } });
        assert(!wrong.ok);
        assertEquals([wrong.outcome.kind, wrong.outcome.code], ["deferred", 535]);
      } finally {
        if (dovecot) await end(dovecot);
      }
    },
  );
}

/** Dovecot as the one who checks passwords for Postfix. */
async function startDovecot(dir: string, mechanism: string): Promise<Deno.ChildProcess> {
  await Deno.mkdir(`${dir}/sasl`);
  await Deno.chmod(`${dir}/sasl`, 0o755);
  await Deno.writeTextFile(`${dir}/users`, "brain:{PLAIN}geheim, =\u00fc::::::\n");
  await Deno.writeTextFile(
    `${dir}/dovecot.conf`,
    `base_dir = ${dir}/dovecot
protocols =
log_path = ${dir}/dovecot.log
ssl = no
disable_plaintext_auth = no
default_internal_user = nobody
default_internal_group = nogroup
default_login_user = nobody
auth_mechanisms = ${mechanism}
auth_failure_delay = 0
passdb {
  driver = passwd-file
  args = ${dir}/users
}
userdb {
  driver = static
  args = uid=65534 gid=65534 home=/nonexistent
}
service auth {
  user = root
  unix_listener ${dir}/sasl/auth {
    mode = 0666
  }
}
`,
  );
  const child = new Deno.Command("dovecot", {
    args: ["-F", "-c", `${dir}/dovecot.conf`],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  await until("Dovecot", () => Deno.stat(`${dir}/sasl/auth`).catch(() => undefined));
  return child;
}

for (
  const [foreign, settings] of [
    [postfix, {
      smtpd_recipient_limit: "10",
      smtpd_recipient_overshoot_limit: "1",
      smtpd_error_sleep_time: "0",
    }],
    [exim, { recipients_max: "10" }],
  ] as const
) {
  testIf(
    [...foreign.programs, "unshare"],
    `${foreign.make}, which takes ten recipients at a time, serves all thirty`,
    async () => {
      await using _theirs = await Foreign.start(foreign, { settings });
      const agent = new RemoteAgent({
        resolver: new FakeResolver({}),
        random: systemRandom,
        clock: systemClock,
        hostname: "mail.howstuffworks.com",
        ownNames: [],
        smartHost: { host: ADDRESS, port: 25 },
      });
      const message = letter("Subject: x\r\n\r\nHello\r\n", Array(30).fill(JSMITH));
      const job = { ...message, id: "1", domain: "mindspring.com", stillOurs: () => true };
      const attempts = await agent.deliver(job);
      await agent.close();
      assertEquals(new Set(attempts.map(({ outcome }) => outcome.kind)), new Set(["delivered"]));
    },
  );
}
