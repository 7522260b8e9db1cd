/** A zone that ldnsutils sign, and unbound that validates it: from configurations of our own, on loopback. */

import { answers, end, removeTree } from "./programs.ts";

/** What it needs. */
export const SIGNERS = ["unbound", "ldns-keygen", "ldns-signzone"];

const ADDRESS = "127.0.52.1";
const PORT = 5399;

/** How the zone is. */
export interface ZoneState {
  /** `nsec3`: with opt-out; `bogus`: with signatures of another key; `unsigned`: nobody expects any. */
  readonly signed?: "nsec" | "nsec3" | "bogus" | "unsigned";
}

/** unbound with one zone. */
export class SignedZone implements AsyncDisposable {
  /** As `dns.nameServer` takes it. */
  readonly nameServer = `${ADDRESS}:${PORT}`;

  private constructor(private readonly dir: string, private readonly child: Deno.ChildProcess) {}

  /** Signs and serves a zone; `records` in the form of a zone file, with names below the zone's. */
  static async serve(
    zone: string,
    records: string,
    { signed = "nsec" }: ZoneState = {},
  ): Promise<SignedZone> {
    const dir = await Deno.makeTempDir({ prefix: "dinopost_zone_" });
    const head =
      `$ORIGIN ${zone}.\n$TTL 60\n@ IN SOA ns hostmaster 1 3600 600 86400 60\n@ IN NS ns\nns IN A ${ADDRESS}\n`;
    await Deno.writeTextFile(`${dir}/zone`, head + records);
    const makeKey = () => run(dir, "ldns-keygen", "-a", "ECDSAP256SHA256", "-k", zone);
    const key = await makeKey();
    const signing = signed === "bogus" ? await makeKey() : key;
    const options = signed === "nsec3" ? ["-n", "-p"] : [];
    if (signed !== "unsigned") await run(dir, "ldns-signzone", ...options, "-o", zone, "zone", signing);
    const file = signed === "unsigned" ? "zone" : "zone.signed";
    const anchor = signed === "unsigned" ? "" : `trust-anchor-file: "${dir}/${key}.ds"`;
    await Deno.writeTextFile(`${dir}/unbound.conf`, configuration({ dir, zone, file, anchor }));
    const child = new Deno.Command("unbound", {
      args: ["-d", "-c", `${dir}/unbound.conf`],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    await answers(ADDRESS, PORT);
    return new SignedZone(dir, child);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await end(this.child);
    await removeTree(this.dir);
  }
}

function configuration(of: { dir: string; zone: string; file: string; anchor: string }): string {
  return `server:
  interface: ${ADDRESS}
  port: ${PORT}
  do-daemonize: no
  username: ""
  chroot: ""
  directory: "${of.dir}"
  pidfile: ""
  use-syslog: no
  do-not-query-localhost: no
  do-ip6: no
  access-control: 127.0.0.0/8 allow
  module-config: "validator iterator"
  ${of.anchor}
auth-zone:
  name: "${of.zone}"
  zonefile: "${of.dir}/${of.file}"
  for-downstream: no
  for-upstream: yes
  fallback-enabled: no
remote-control:
  control-enable: no
`;
}

async function run(dir: string, program: string, ...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, { args, cwd: dir }).output();
  if (!success) throw new Error(`${program}: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout).trim();
}
