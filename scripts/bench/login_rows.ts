/** The rows of the table that measure logins. */

import type { Bench } from "./bench.ts";
import { Dovecot } from "./dovecot.ts";
import { ServerProcess } from "./server_process.ts";

const PASSWORD = "bench";
const ACCOUNTS = 20;
const AT_A_TIME = 20;
const USERS = Array.from({ length: ACCOUNTS }, (_, n) => `user${n + 1}@local.test`);

/** Logins of accounts that have logged in a moment ago, and many at once of one that has not. */
export async function logins(bench: Bench): Promise<void> {
  await storm(bench);
  await using server = await ServerProcess.start(bench.folder(), "hold", 0, ACCOUNTS);
  for (
    const [what, protocol, port] of [["SMTP AUTH", "smtp", server.submission], [
      "POP3",
      "pop3",
      server.pop3,
    ]] as const
  ) {
    const from = server.cpu();
    const found = await rate(bench, { protocol, port });
    const spent = server.cpu()! - from!;
    const cpu = spent * 1000 / found.logins;
    const { value, p50, p99 } = found;
    const target = "≥ 1,000";
    bench.tell({
      what: `${what} logins, a new connection each`,
      value,
      unit: "logins/s",
      p50,
      p99,
      cpu,
      target,
    });
  }
  await using dovecot = await Dovecot.start(USERS, PASSWORD);
  if (!dovecot) return;
  const { value, p50, p99 } = await rate(bench, { protocol: "pop3", port: dovecot.port });
  bench.tell({ what: "POP3 logins by Dovecot with its auth cache", value, unit: "logins/s", p50, p99 });
}

/** One account, and nobody has logged in since the start. */
async function storm(bench: Bench): Promise<void> {
  for (
    const [protocol, count, target] of [["smtp", 20, "< 500"], ["pop3", 20, "< 500"], [
      "smtp",
      200,
      "< 1,500",
    ]] as const
  ) {
    await using server = await ServerProcess.start(bench.folder(), "hold", 0, 1);
    const port = protocol === "smtp" ? server.submission : server.pop3;
    const load = { protocol, hostname: "127.0.0.1", port, users: USERS.slice(0, 1), password: PASSWORD };
    const { ms, right } = await bench.load.run("logIn", { ...load, logins: count, connections: count });
    if (right < count) throw new Error(`${right} of ${count} logins were let in`);
    const what = `${count} first logins at once, one account, ${protocol === "smtp" ? "SMTP AUTH" : "POP3"}`;
    bench.tell({ what, value: ms, unit: "ms", target });
  }
}

async function rate(bench: Bench, of: { protocol: "smtp" | "pop3"; port: number }) {
  const load = { ...of, hostname: "127.0.0.1", users: USERS, password: PASSWORD, connections: AT_A_TIME };
  // the first round verifies; the code is warm from the second one on
  const warm = await bench.load.run("logIn", { ...load, logins: 10 * ACCOUNTS });
  const quick = await bench.load.run("logIn", { ...load, logins: 500 });
  const logins = Math.max(500, Math.round(bench.seconds * 500_000 / quick.ms));
  const found = await bench.load.run("logIn", { ...load, logins });
  if (found.right < logins || warm.right < 10 * ACCOUNTS) throw new Error("A right password was refused");
  return { ...found, logins: logins, value: logins * 1000 / found.ms };
}
