/** Mail servers of other makes: each runs from a configuration of its own, at an address of its own. */

/** A foreign mail server for one domain, with the mailbox `jsmith`. */
export interface ForeignServer {
  /** Its name, for the tests. */
  readonly make: string;
  /** The programs it needs. */
  readonly programs: readonly string[];
  /** Writes what it needs into the folder, and answers how it is run. */
  prepare(at: ForeignPlace): Promise<Commands>;
}

/** How a server is run. */
export interface Commands {
  /** Runs in the foreground until it is ended. */
  readonly start: readonly string[];
  /** Ends it; absent: SIGTERM does. */
  readonly stop?: readonly string[];
}

/** Where it lives. */
export interface ForeignPlace {
  /** A folder that anybody may read. */
  readonly dir: string;
  /** Its loopback address: port 25 for everybody, {@linkcode INJECTION} for its own users. */
  readonly address: string;
  readonly hostname: string;
  readonly domain: string;
  /** How openssl makes the key of its certificate; P-256 unless given. */
  readonly key?: readonly string[];
  /** Further lines for the configuration, as the server has them. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Postfix: further ports, each with settings of its own. */
  readonly doors?: ReadonlyMap<number, Readonly<Record<string, string>>>;
}

/** The port where tests put mail into a foreign server: who comes through it may send anywhere. */
export const INJECTION = 2525;
/** Where Exim is unpacked: as a package it can't be beside Postfix. */
const EXIM = `${Deno.env.get("INTEROP_EXIM") ?? "/opt/dinopost-interop/exim"}/usr/sbin/exim4`;
const NOBODY = 65534;

/** Postfix. */
export const postfix: ForeignServer = {
  make: "Postfix",
  programs: ["postfix", "openssl"],
  async prepare({ dir, address, hostname, domain, key, settings, doors }) {
    for (const folder of ["etc", "queue", "data", "mail"]) await Deno.mkdir(`${dir}/${folder}`);
    await own(`${dir}/data`, "postfix");
    await Deno.chown(`${dir}/mail`, NOBODY, NOBODY);
    await makeCertificate(dir, hostname, key);
    const main: Record<string, string> = {
      compatibility_level: "3.6",
      myhostname: hostname,
      mydestination: "",
      mynetworks: "127.255.255.255/32",
      inet_interfaces: "127.0.0.1", // master.cf names the address: Postfix knows only the interface's own
      inet_protocols: "ipv4",
      smtp_bind_address: address,
      queue_directory: `${dir}/queue`,
      data_directory: `${dir}/data`,
      maillog_file: `${dir}/log`,
      maillog_file_prefixes: dir,
      alias_maps: "",
      alias_database: "",
      local_recipient_maps: "",
      biff: "no",
      virtual_mailbox_domains: domain,
      virtual_mailbox_base: `${dir}/mail`,
      virtual_mailbox_maps: `inline:{jsmith@${domain}=jsmith/}`,
      virtual_uid_maps: `static:${NOBODY}`,
      virtual_gid_maps: `static:${NOBODY}`,
      virtual_minimum_uid: "100",
      smtpd_tls_chain_files: `${dir}/tls.pem`,
      smtpd_tls_security_level: "may",
      smtpd_tls_received_header: "yes",
      smtp_tls_security_level: "may",
      minimal_backoff_time: "5s",
      queue_run_delay: "5s",
      ...settings,
    };
    await Deno.writeTextFile(`${dir}/etc/main.cf`, lines(main, " = "));
    const all = new Map([[25, {}], [INJECTION, { mynetworks: "127.0.0.0/8" }], ...doors ?? []]);
    const inet = [...all].map(([port, own]) =>
      `${address}:${port} inet n - n - - smtpd${
        lines(own, "=").replace(/^(?=.)/gm, " -o ").replaceAll("\n", "")
      }\n`
    );
    await Deno.writeTextFile(`${dir}/etc/master.cf`, inet.join("") + lines(SERVICES, " "));
    const control = ["postfix", "-c", `${dir}/etc`];
    return { start: [...control, "start-fg"], stop: [...control, "stop"] };
  },
};

/** The services that Postfix needs here, none in a chroot, which would have to be filled. */
const SERVICES = {
  pickup: "unix n - n 60 1 pickup",
  cleanup: "unix n - n - 0 cleanup",
  qmgr: "unix n - n 300 1 qmgr",
  tlsmgr: "unix - - n 1000? 1 tlsmgr",
  rewrite: "unix - - n - - trivial-rewrite",
  bounce: "unix - - n - 0 bounce",
  defer: "unix - - n - 0 bounce",
  trace: "unix - - n - 0 bounce",
  verify: "unix - - n - 1 verify",
  proxymap: "unix - - n - - proxymap",
  smtp: "unix - - n - - smtp",
  relay: "unix - - n - - smtp",
  error: "unix - - n - - error",
  retry: "unix - - n - - error",
  discard: "unix - - n - - discard",
  virtual: "unix - n n - - virtual",
  anvil: "unix - - n - 1 anvil",
  scache: "unix - - n - 1 scache",
  postlog: "unix-dgram n - n - 1 postlogd",
};

/** Exim. It trusts its configuration at one place only, so it runs with that place bound to our folder. */
export const exim: ForeignServer = {
  make: "Exim",
  programs: [EXIM, "unshare", "openssl"],
  async prepare({ dir, address, hostname, domain, key, settings }) {
    for (const folder of ["etc", "spool", "log", "mail"]) await Deno.mkdir(`${dir}/${folder}`);
    for (const folder of ["spool", "log"]) await own(`${dir}/${folder}`, "Debian-exim");
    await Deno.chown(`${dir}/mail`, NOBODY, NOBODY);
    await makeCertificate(dir, hostname, key);
    await Deno.chmod(`${dir}/tls.pem`, 0o644);
    await Deno.writeTextFile(
      `${dir}/etc/exim4.conf`,
      `primary_hostname = ${hostname}
exim_path = ${EXIM}
local_interfaces = <; ${address}.25 ; ${address}.${INJECTION}
spool_directory = ${dir}/spool
log_file_path = ${dir}/log/%slog
pid_file_path = ${dir}/spool/pid
tls_advertise_hosts = *
tls_certificate = ${dir}/tls.pem
tls_privatekey = ${dir}/tls.pem
acl_smtp_rcpt = rcpt
acl_smtp_data = ok
host_lookup =
rfc1413_hosts =
never_users =
keep_environment =
queue_run_in_order = false
${lines(settings ?? {}, " = ")}begin acl
ok:
  accept
rcpt:
  accept condition = \${if eq{$received_port}{${INJECTION}}}
  require domains = ${domain}
          message = relay not permitted
  require verify = recipient
  accept
begin routers
box:
  driver = accept
  domains = ${domain}
  local_parts = jsmith
  transport = maildir
unknown:
  driver = redirect
  domains = ${domain}
  data = :fail: Unknown user
  allow_fail
mx:
  driver = dnslookup
  transport = out
begin transports
maildir:
  driver = appendfile
  maildir_format
  return_path_add
  directory = ${dir}/mail/jsmith
  create_directory
  user = nobody
  group = nogroup
out:
  driver = smtp
  interface = ${address}
  hosts_try_fastopen =
begin retry
* * F,2h,5s
`,
    );
    const mounted = `mkdir -p /etc/exim4; mount --bind ${dir}/etc /etc/exim4`;
    return { start: ["sh", "-c", `${mounted} && exec ${EXIM} -bdf -q5s`] };
  },
};

/** A certificate that nobody vouches for. */
export async function makeCertificate(
  dir: string,
  hostname: string,
  kind: readonly string[] = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"],
): Promise<void> {
  const { success, stderr } = await new Deno.Command("openssl", {
    args: [
      ...["req", "-x509", ...kind, "-nodes", "-days", "2"],
      ...["-subj", `/CN=${hostname}`, "-keyout", `${dir}/tls.key`, "-out", `${dir}/tls.crt`],
    ],
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  const [key, certificate] = await Promise.all(
    [`${dir}/tls.key`, `${dir}/tls.crt`].map((f) => Deno.readTextFile(f)),
  );
  await Deno.writeTextFile(`${dir}/tls.pem`, `${key}${certificate}`, { mode: 0o600 });
}

async function own(path: string, user: string): Promise<void> {
  const { success } = await new Deno.Command("chown", { args: [`${user}:`, path] }).output();
  if (!success) throw new Error(`There is no user ${user}`);
}

function lines(values: Record<string, string>, between: string): string {
  return Object.entries(values).map(([key, value]) => `${key}${between}${value}\n`).join("");
}
