/** Two servers as processes: one hands all its mail to the other over TLS from the first octet, logged in. */

import { assertEquals, assertMatch } from "@std/assert";
import { Pop3Client } from "../../src/testing/mod.ts";
import { FREE_PORTS, ServerProcess } from "./support/server_process.ts";
import { SmtpTalk } from "./support/smtp_talk.ts";

const BRAIN = "brain@relay.example";
const PASSWORD = "gRiZZly+bear:7";

/** The rights that deploy/dinopost.service gives. */
const LIMITED =
  "--no-prompt --allow-net --allow-env --allow-read --allow-write=data --allow-sys=hostname,statfs";

async function start(
  dir: string,
  config: object,
  env: Record<string, string>,
  flags = ["-A"],
): Promise<ServerProcess> {
  await Deno.mkdir(dir);
  await Deno.writeTextFile(`${dir}/dinopost.jsonc`, JSON.stringify(config));
  return await ServerProcess.ready({ cwd: dir, env: { ...FREE_PORTS, ...env }, flags });
}

Deno.test("mail goes to a smart host over implicit TLS, with a login, where its certificate is trusted", async () => {
  const dir = await Deno.makeTempDir({ prefix: "dinopost_smart_" });
  try {
    await using theirs = await start(
      `${dir}/theirs`,
      { domains: ["relay.example"], accounts: { [BRAIN]: { password: PASSWORD } } },
      { DINOPOST_LISTEN_SUBMISSIONS: "127.0.0.1:0" },
    );
    const { port } = theirs.address("submissions");
    const smartHost = { host: "127.0.0.1", port, tls: "implicit", user: BRAIN, password: PASSWORD };
    const config = { domains: ["near.example"], relay: { networks: ["127.0.0.1"], smartHost } };
    const send = async (from: ServerProcess) => {
      using talk = await SmtpTalk.connect(from.address("smtp"));
      const text = `From: ${BRAIN}\r\nSubject: By the way\r\n\r\nHello\r\n`;
      assertMatch(await talk.send({ from: BRAIN, to: [BRAIN], text }), /^250/);
    };
    {
      await using ours = await start(`${dir}/distrustful`, config, {});
      await send(ours);
      await ours.said("INFO deferred");
      assertMatch(ours.err, /Encryption is required, but the certificate of 127\.0\.0\.1 is not trusted/);
    }
    // Deno hears of further roots by either
    for (const name of ["DENO_CERT", "NODE_EXTRA_CA_CERTS"]) {
      await using ours = await start(`${dir}/${name}`, config, { [name]: `${dir}/theirs/data/tls-cert.pem` });
      await send(ours);
      await ours.said("INFO delivered");
      assertMatch(ours.err, /INFO delivered .*tls="?TLSv1\.3/);
    }
    {
      await using ours = await start(`${dir}/limited`, config, {
        DENO_CERT: `${dir}/theirs/data/tls-cert.pem`,
      }, LIMITED.split(" "));
      await send(ours);
      await ours.said("INFO delivered");
    }
    await using client = await Pop3Client.connect(theirs.address("pop3"));
    await client.login(BRAIN, PASSWORD);
    const texts = await client.all();
    await client.quit();
    assertEquals(texts.length, 3);
    assertMatch(texts[0]!, /^Received: from .*with ESMTPSA/ms);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
