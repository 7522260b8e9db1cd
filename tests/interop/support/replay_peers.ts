/** Postfix and Dovecot, set up as the conversations of fixtures/ want their servers, as far as they can be. */

import { replay, type Replayed } from "../../../src/testing/replay.ts";
import type { Script } from "../../../src/testing/script.ts";
import { tcpConn } from "../../../src/wire/tcp_conn.ts";
import { clientTls } from "../../../src/wire/tls.ts";
import { MESSAGES, PREFIX, uidOf } from "../../pop3/harness.ts";
import { DOVECOT, fillMaildrop, prepareDovecot } from "./dovecot.ts";
import { type Commands, postfix } from "./foreign_server.ts";
import { answers, end, removeTree } from "./programs.ts";

const HOSTNAME = "mail.howstuffworks.com";
const DOMAIN = "howstuffworks.com";
const POSTFIX = "127.0.60.2";
/** The first port of those that differ in their settings. */
const FIRST_PORT = 3000;

/** Both servers. */
export class ReplayPeers implements AsyncDisposable {
  private constructor(
    readonly dir: string,
    readonly dovecot: Deno.ChildProcess,
    readonly postfix: Deno.ChildProcess,
    readonly commands: Commands,
    readonly ports: ReadonlyMap<string, number>,
  ) {}

  /** Starts them, Postfix with a port for each set of settings. */
  static async start(scripts: readonly Script[]): Promise<ReplayPeers> {
    const dir = await Deno.makeTempDir({ prefix: "dinopost_replay_" });
    await Deno.chmod(dir, 0o755);
    for (const folder of ["dovecot", "postfix"]) await Deno.mkdir(`${dir}/${folder}`);
    const dovecot = run(
      await prepareDovecot({
        dir: `${dir}/dovecot`,
        hostname: HOSTNAME,
        pop3: { [`brain@${DOMAIN}`]: "narf zort", [`pinky@${DOMAIN}`]: "poit" },
        smtp: { [`brain@${DOMAIN}`]: "gRiZZly" },
      }),
    );
    await answers(DOVECOT.strict, 110);
    const ports = new Map<string, number>();
    for (const { settings } of scripts) {
      const key = JSON.stringify(doorOf(settings));
      if (!ports.has(key)) ports.set(key, FIRST_PORT + ports.size);
    }
    const commands = await postfix.prepare({
      dir: `${dir}/postfix`,
      address: POSTFIX,
      hostname: HOSTNAME,
      domain: DOMAIN,
      settings: postfixSettings(dir),
      doors: new Map([...ports].map(([key, port]) => [port, JSON.parse(key)])),
    });
    const peers = new ReplayPeers(dir, dovecot, run(commands.start), commands, ports);
    await answers(POSTFIX, 25);
    return peers;
  }

  /** Says a conversation to Postfix. */
  async sayToPostfix(script: Script): Promise<Replayed> {
    const port = this.ports.get(JSON.stringify(doorOf(script.settings)))!;
    return await say(script, POSTFIX, port, script.settings.get("service") === "submissions");
  }

  /** Says a conversation to Dovecot, with a new maildrop. */
  async sayToDovecot(script: Script): Promise<Replayed> {
    const { settings } = script;
    await fillMaildrop(
      `${this.dir}/dovecot`,
      new Map(MESSAGES.map((text, i) => [uidOf(i + 1), PREFIX + text])),
    );
    using _ = settings.has("locked") ? await openMaildrop() : undefined;
    if (settings.has("implicitTls")) return await say(script, DOVECOT.strict, 995, true);
    const safe = !settings.has("remote") || settings.has("allowInsecure");
    const address = !settings.has("tls") ? "withoutTls" : safe ? "usual" : "strict";
    return await say(script, DOVECOT[address], 110, false);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const [program, ...args] = this.commands.stop!;
    await new Deno.Command(program!, { args, stdout: "null", stderr: "null" }).output();
    await end(this.postfix);
    await end(this.dovecot);
    await removeTree(this.dir);
  }
}

async function say(script: Script, hostname: string, port: number, tls: boolean): Promise<Replayed> {
  const plain = tcpConn(await Deno.connect({ hostname, port }));
  const conn = tls ? await clientTls(plain, { serverName: HOSTNAME }) : plain;
  return await replay(script, conn, { codesOnly: true, patienceMs: 5000 });
}

/** What the server of a conversation has for everybody. */
function postfixSettings(dir: string): Record<string, string> {
  const people = ["brain", "clever", "jürgen", "postmaster", "full", "grey", "latefull"];
  return {
    message_size_limit: "1000000",
    virtual_mailbox_maps: `inline:{${people.map((name) => `{${name}@${DOMAIN}=${name}/}`).join(" ")}}`,
    smtpd_sender_restrictions:
      "check_sender_access inline:{{spammer@mindspring.com=550 5.7.1 Not welcome}}, reject_sender_login_mismatch",
    smtpd_sender_login_maps: `inline:{brain@${DOMAIN}=brain@${DOMAIN}}`,
    smtpd_recipient_restrictions: `check_recipient_access inline:{{full@${DOMAIN}=452 4.2.2 Mailbox full} ` +
      `{grey@${DOMAIN}=451 4.7.1 Come back later}}`,
    smtpd_relay_restrictions: "permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination",
    smtpd_sasl_type: "dovecot",
    smtpd_sasl_path: `${dir}/dovecot/run/smtp-auth`,
    // nothing leaves this machine, and nobody waits
    default_transport: "discard:",
    smtpd_peername_lookup: "no",
    smtpd_client_connection_count_limit: "0",
    // as strict as it can be, with strangers
    smtpd_helo_required: "yes",
    smtpd_delay_reject: "no",
    smtpd_forbid_bare_newline_exclusions: "",
    smtpd_error_sleep_time: "0",
  };
}

/** What a conversation's settings are in Postfix. */
function doorOf(settings: ReadonlyMap<string, string>): Record<string, string> {
  const door: Record<string, string> = {};
  const set = (key: string, name: string) => {
    const value = settings.get(key);
    if (value !== undefined) door[name] = value;
  };
  set("messageSize", "message_size_limit");
  set("recipients", "smtpd_recipient_limit");
  set("errorsPerSession", "smtpd_hard_error_limit");
  const isOwn = settings.has("trusts") || settings.get("service") === "submission";
  if (settings.has("relays") || settings.has("trusts")) door["mynetworks"] = "127.0.0.0/8";
  if (!isOwn) {
    [door["strict_rfc821_envelopes"], door["strict_smtputf8"]] = ["yes", "yes"];
    door["smtpd_forbid_bare_newline"] = "reject";
  }
  if (!settings.has("tls")) door["smtpd_tls_security_level"] = "none";
  if (settings.get("service") === "submissions") door["smtpd_tls_wrappermode"] = "yes";
  if (settings.has("auth")) {
    door["smtpd_sasl_auth_enable"] = "yes";
    if (settings.has("remote")) door["smtpd_tls_auth_only"] = "yes"; // else loopback is as good
  }
  return door;
}

/** A session that has brain's maildrop. */
async function openMaildrop(): Promise<Disposable> {
  const conn = await Deno.connect({ hostname: DOVECOT.usual, port: 110 });
  await conn.write(new TextEncoder().encode(`USER brain@${DOMAIN}\r\nPASS narf zort\r\n`));
  let heard = "";
  for (const into = new Uint8Array(1000); heard.split("\r\n").length < 4;) {
    const count = await conn.read(into);
    if (count === null) throw new Error(`Dovecot said only: ${heard}`);
    heard += new TextDecoder().decode(into.subarray(0, count));
  }
  return conn;
}

function run([program, ...args]: readonly string[]): Deno.ChildProcess {
  return new Deno.Command(program!, { args, stdin: "null", stdout: "null", stderr: "null" }).spawn();
}
