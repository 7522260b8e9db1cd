/** Dovecot: POP3 for brain, whose maildrop is written as files, and logins for Postfix. */

import { makeCertificate } from "./foreign_server.ts";

/** How it is set up. */
export interface DovecotOptions {
  /** A folder that anybody may read. */
  readonly dir: string;
  readonly hostname: string;
  /** Passwords by address, of POP3. */
  readonly pop3: Readonly<Record<string, string>>;
  /** Passwords by address, of SMTP: Postfix asks at `run/smtp-auth` in the folder. */
  readonly smtp: Readonly<Record<string, string>>;
}

/** Its loopback addresses, port 110, and 995 with TLS first. */
export const DOVECOT = {
  usual: "127.0.61.1",
  withoutTls: "127.0.61.2",
  /** Passwords need TLS: on the others loopback is as good. */
  strict: "127.0.61.3",
} as const;

/** Writes its configuration; answers the command that runs it in the foreground. */
export async function prepareDovecot({ dir, hostname, ...users }: DovecotOptions): Promise<string[]> {
  await Deno.mkdir(`${dir}/run`, { mode: 0o755 });
  await Deno.mkdir(`${dir}/mail`);
  await Deno.chown(`${dir}/mail`, NOBODY, NOBODY);
  await makeCertificate(dir, hostname);
  for (const service of ["pop3", "smtp"] as const) {
    const lines = Object.entries(users[service]).map(([user, password]) => `${user}:{PLAIN}${password}\n`);
    await Deno.writeTextFile(`${dir}/users.${service}`, lines.join(""));
  }
  await Deno.writeTextFile(
    `${dir}/dovecot.conf`,
    `protocols = pop3
listen = ${Object.values(DOVECOT).join(", ")}
base_dir = ${dir}/run
state_dir = ${dir}/run
log_path = ${dir}/log
ssl_cert = <${dir}/tls.crt
ssl_key = <${dir}/tls.key
auth_mechanisms = plain login scram-sha-256
auth_failure_delay = 0
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
auth_default_realm = howstuffworks.com
mail_location = maildir:${dir}/mail/%n:INDEX=MEMORY
first_valid_uid = ${NOBODY}
pop3_lock_session = yes
pop3_uidl_format = %f
disable_plaintext_auth = no
passdb {
  driver = passwd-file
  args = ${dir}/users.%s
}
userdb {
  driver = static
  args = uid=${NOBODY} gid=${NOBODY} home=${dir}/mail/%n
}
service auth {
  unix_listener ${dir}/run/smtp-auth {
    mode = 0666
  }
}
local ${DOVECOT.withoutTls} {
  ssl = no
}
local ${DOVECOT.strict} {
  disable_plaintext_auth = yes
}
`,
  );
  return ["dovecot", "-F", "-c", `${dir}/dovecot.conf`];
}

/** Makes a new maildrop for brain, with these messages by uid. Sessions that were left keep the one that they have. */
export async function fillMaildrop(dir: string, messages: ReadonlyMap<string, string>) {
  const box = `${dir}/mail/${crypto.randomUUID()}`;
  for (const folder of ["", "/new", "/cur", "/tmp"]) {
    await Deno.mkdir(box + folder);
    await Deno.chown(box + folder, NOBODY, NOBODY);
  }
  for (const [uid, text] of messages) {
    await Deno.writeTextFile(`${box}/new/${uid}`, text);
    await Deno.chown(`${box}/new/${uid}`, NOBODY, NOBODY);
  }
  await Deno.symlink(box, `${dir}/brain.new`);
  await Deno.rename(`${dir}/brain.new`, `${dir}/mail/brain`);
}

const NOBODY = 65534;
