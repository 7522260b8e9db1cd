/** Foreign programs fetch mail by POP3: in clear on loopback, after STLS, and over TLS from the start. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { latin1, LETTERS, PASSWORD, type PostOffice, testWith, USER } from "./support/post_office.ts";

const SUBJECTS = LETTERS.map(({ subject }) => subject);

/** What Python's poplib does, on all its ways in. */
const POPLIB = `
import poplib, ssl, sys
port, tls_port, cafile, user, password = int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:6]
context = ssl.create_default_context(cafile=cafile)

def plain(): return poplib.POP3("localhost", port, timeout=20)
def stls():
    c = plain(); assert "STLS" in c.capa(); c.stls(context); assert "STLS" not in c.capa(); return c
def tls(): return poplib.POP3_SSL("localhost", tls_port, context=context, timeout=20)

seen = set()
for way in (plain, stls, tls):
    c = way()
    capa = c.capa()
    assert {"TOP", "UIDL", "USER", "SASL", "PIPELINING", "UTF8"} <= set(capa), capa
    try: c.user(user); c.pass_("wrong"); raise SystemExit("a wrong password was taken")
    except poplib.error_proto as e: assert b"[AUTH]" in e.args[0], e
    c.utf8(); c.user(user); c.pass_(password)
    count, size = c.stat()
    sizes = [int(l.split()[1]) for l in c.list()[1]]
    uids = tuple(l.split()[1] for l in c.uidl()[1])
    assert count == len(sizes) == len(set(uids)) == 4 and size == sum(sizes), (count, size, sizes, uids)
    seen.add(uids)
    for n in range(1, count + 1):
        _, lines, _ = c.retr(n)
        assert sum(len(l) + 2 for l in lines) == sizes[n - 1]
        head = lines[:lines.index(b"")]
        assert c.top(n, 0)[1] == head + [b""], c.top(n, 0)[1]
        assert c.top(n, 2)[1] == lines[:len(head) + 3]
    c.dele(1); c.dele(2)
    assert c.stat()[0] == 2
    c.rset()
    assert c.stat()[0] == 4
    c.noop(); c.quit()
assert len(seen) == 1, seen
c = plain(); c.user(user); c.pass_(password); c.dele(2); c.close()
c = plain(); c.user(user); c.pass_(password); assert c.stat()[0] == 4; c.dele(1); c.quit()
c = plain(); c.user(user); c.pass_(password); print(c.stat()[0]); c.quit()
`;

testWith(
  ["python3"],
  "Python's poplib reads, marks and deletes, in clear, after STLS, and over TLS",
  async (office) => {
    const args = [office.port("pop3"), office.port("pop3s"), office.certificate, USER, PASSWORD].map(String);
    const { code, out, err } = await office.run("python3", ["-c", POPLIB, ...args]);
    assertEquals([err, out, code], ["", "3\n", 0]);
    assertEquals(await office.subjects(), SUBJECTS.slice(1));
  },
);

testWith(
  ["curl"],
  "curl lists and fetches, in clear, after STLS, and over TLS, with PASS and AUTH",
  async (office) => {
    const clear = `pop3://localhost:${office.port("pop3")}`;
    const ways: [string, ...string[]][] = [
      [clear],
      [clear, "--login-options", "AUTH=PLAIN"],
      [clear, "--ssl-reqd", "--cacert", office.certificate],
      [`pop3s://localhost:${office.port("pop3s")}`, "--cacert", office.certificate],
    ];
    const curl = (...args: string[]) =>
      office.run("curl", ["-sS", "--max-time", "20", "--user", `${USER}:${PASSWORD}`, ...args]);
    for (const [url, ...options] of ways) {
      const list = await curl(url, ...options);
      assertEquals([list.err, list.code], ["", 0], `${url} ${options}`);
      assertEquals(list.out.trimEnd().split("\r\n").length, LETTERS.length);
      for (const [i, { body }] of LETTERS.entries()) {
        const { out, code } = await curl(`${url}/${i + 1}`, ...options);
        assertEquals(code, 0);
        assert(out.endsWith(`\r\n\r\n${body}`), `${url}/${i + 1}: ${out.slice(0, 2000)}`);
      }
      const uidl = await curl(url, ...options, "-X", "UIDL");
      assertEquals(uidl.out.trimEnd().split("\r\n").length, LETTERS.length);
    }
    const wrong = await office.run("curl", ["-sS", "--user", `${USER}:wrong`, `${clear}/1`]);
    assertEquals(wrong.code, 67, wrong.err); // "Login denied"
    const dele = await curl(`${clear}/1`, "-X", "DELE", "--head");
    assertEquals(dele.code, 0, dele.err);
    assertEquals(await office.subjects(), SUBJECTS.slice(1));
  },
);

testWith(
  ["fetchmail"],
  "fetchmail fetches what is new, keeps it, and then takes all away",
  async (office) => {
    const poll = async (keep: "keep" | "nokeep", more: string) => {
      const rc = await office.file(
        "fetchmailrc",
        `set no syslog\npoll localhost protocol pop3 service ${office.port("pop3")} uidl\n` +
          `  user "${USER}" password "${PASSWORD}" ${keep} ${more}\n  mda "cat >> '${office.dir}/fetched'"\n`,
      );
      return await office.run("fetchmail", [
        "-f",
        rc,
        "--pidfile",
        `${office.dir}/pid`,
        "-i",
        `${office.dir}/ids`,
      ]);
    };
    const fetched = async () => latin1(await Deno.readFile(`${office.dir}/fetched`));
    const stls = `sslproto "tls1.2+" sslcertck sslcertfile "${office.certificate}"`;
    const first = await poll("keep", stls);
    assertEquals(first.code, 0, first.out + first.err);
    const text = await fetched();
    for (const { subject, body } of LETTERS) {
      assertStringIncludes(text, `Subject: ${subject}\n`);
      assertStringIncludes(text, body.replaceAll("\r\n", "\n"));
    }
    assertEquals((await poll("keep", stls)).code, 1, "nothing is new");
    assertEquals(await fetched(), text);
    assertEquals((await poll("nokeep", `${stls} fetchall`)).code, 0);
    assertEquals(await office.subjects(), []);
  },
);

/** mpop with a Maildir; answers what it fetched. */
async function mpop(office: PostOffice, lines: readonly string[]): Promise<string[]> {
  for (const part of ["", "/new", "/cur", "/tmp"]) {
    await Deno.mkdir(`${office.dir}/mpop${part}`, { recursive: true });
  }
  const rc = await office.file(
    "mpoprc",
    [
      "account a",
      "host localhost",
      `user ${USER}`,
      `password ${PASSWORD}`,
      `delivery maildir ${office.dir}/mpop`,
    ]
      .concat(lines, "account default : a", "").join("\n"),
  );
  const { code, out, err } = await office.run("mpop", [`--file=${rc}`]);
  assertEquals(code, 0, `${lines.join(", ")}: ${out}${err}`);
  const texts: string[] = [];
  for (const { name } of Deno.readDirSync(`${office.dir}/mpop/new`)) {
    texts.push(latin1(await Deno.readFile(`${office.dir}/mpop/new/${name}`)));
    await Deno.remove(`${office.dir}/mpop/new/${name}`);
  }
  return texts;
}

testWith(
  ["mpop"],
  "mpop fetches with USER, PLAIN and SCRAM-SHA-256, over STLS and TLS, and deletes",
  async (office) => {
    const trust = [`tls_trust_file ${office.certificate}`];
    const clear = [`port ${office.port("pop3")}`];
    const tls = [`port ${office.port("pop3s")}`, "tls on", "tls_starttls off", ...trust];
    const ways: string[][] = [
      [...clear, "tls off", "auth user", "keep on", "only_new off"],
      [...clear, "tls on", "tls_starttls on", ...trust, "auth plain", "keep on", "only_new off"],
      [...tls, "auth scram-sha-256", "keep on", "only_new off"],
      [...tls, "auth on", "pipelining on", "keep on", "only_new on"],
      [...tls, "auth on", "keep off", "only_new off"],
    ];
    for (const [i, lines] of ways.entries()) {
      const texts = await mpop(office, [...lines, `uidls_file ${office.dir}/uidls${i}`]);
      assertEquals(texts.length, LETTERS.length, lines.join(", "));
      for (const { body } of LETTERS) {
        const plain = `\n\n${body.replaceAll("\r\n", "\n")}`;
        assert(texts.some((text) => text.endsWith(plain)), lines.join(", "));
      }
    }
    assertEquals(await office.subjects(), []);
  },
);

testWith(["nmap"], "nmap's pop3-capabilities sees what is offered", async (office) => {
  const port = String(office.port("pop3"));
  const { code, out, err } = await office.run("nmap", [
    "-Pn",
    "-n",
    "-sT",
    "--script",
    "+pop3-capabilities",
    "-p",
    port,
    "127.0.0.1",
  ]);
  assertEquals(code, 0, err);
  const line = /^\|_pop3-capabilities: (.*)$/m.exec(out)?.[1] ?? out;
  for (
    const what of [
      "USER",
      "TOP",
      "UIDL",
      "STLS",
      "PIPELINING",
      "RESP-CODES",
      "AUTH-RESP-CODE",
      "EXPIRE",
      "LANG",
      "UTF8",
    ]
  ) assertMatch(line, new RegExp(`(?:^| )${what}`), line);
  assertStringIncludes(line, "SASL(SCRAM-SHA-256 PLAIN)");
});
