/**
 * The start of dinopost for a benchmark, in one of seven modes:
 * hold (accept and queue, no delivery), local (deliver to a mailbox), relay (deliver to a sink), defer (as hold; started
 * again in relay mode it delivers what is there), capture (keep all mail in memory), captureOnDisk (keep it in the
 * directory), imap (as local, with IMAP on N + 4).
 *
 * Usage: deno run -A serve.ts --port N --dir DIR --mode MODE [--sink HOST:PORT] [--accounts COUNT]
 * Listens on N (SMTP), N + 1 (POP3) and N + 2 (HTTP); 0: on free ports, which the line `ready` names. With `accounts`
 * there are so many more, and submission on N + 3.
 */
import { parseArgs } from "node:util";
import { main } from "../../src/cli/main.ts";

const { values } = parseArgs({
  options: {
    port: { type: "string", default: "2520" },
    dir: { type: "string", default: "." },
    mode: { type: "string", default: "hold" },
    sink: { type: "string", default: "127.0.0.2:2626" },
    accounts: { type: "string", default: "0" },
  },
});
const port = (nth: number) => values.port === "0" ? 0 : Number(values.port) + nth;
const [host, sinkPort] = values.sink.split(":");
const more = Array.from({ length: Number(values.accounts) }, (_, n) => `user${n + 1}@local.test`);
// where mail is captured everybody has a mailbox
const names = values.mode === "captureOnDisk" ? [] : ["user@local.test", ...more];
const config = {
  hostname: "dinopost.test",
  domains: ["local.test"],
  dataDir: `${values.dir}/data`,
  capture: values.mode === "captureOnDisk",
  listen: {
    smtp: [`127.0.0.1:${port(0)}`],
    pop3: [`127.0.0.1:${port(1)}`],
    admin: [`127.0.0.1:${port(2)}`],
    submission: more.length > 0 ? [`127.0.0.1:${port(3)}`] : [],
    imap: values.mode === "imap" ? [`127.0.0.1:${port(4)}`] : [],
  },
  accounts: Object.fromEntries(names.map((name) => [name, { password: "bench" }])),
  relay: {
    networks: ["127.0.0.0/8"],
    smartHost: values.mode === "relay" ? { host, port: Number(sinkPort), tls: "never" } : null,
  },
  queue: { concurrency: values.mode === "relay" ? 200 : 0 },
  limits: { connections: 10_000, connectionsPerIp: 10_000 },
  admin: { token: "bench" },
};
const file = `${values.dir}/dinopost.jsonc`;
await Deno.mkdir(values.dir, { recursive: true });
await Deno.writeTextFile(file, JSON.stringify(config, null, 2));
Deno.exitCode = await main(values.mode === "capture" ? inMemory() : ["serve", "--config", file]);

/** As it starts without a configuration, but on the wanted ports. */
function inMemory(): string[] {
  const { smtp, pop3, admin } = config.listen;
  for (const [name, address] of Object.entries({ smtp, pop3, admin })) {
    Deno.env.set(`DINOPOST_LISTEN_${name.toUpperCase()}`, address[0]!);
  }
  return ["serve", "--capture"];
}
