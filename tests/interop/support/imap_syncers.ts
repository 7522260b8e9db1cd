/** Programs that bring two IMAP mailboxes to the same content. */

import type { ImapHost } from "./imap_hosts.ts";
import type { Looked } from "./imap_mailbox.ts";
import { READER, READERS_PASSWORD } from "./imap_hosts.ts";

/** One of them. */
export interface Syncer {
  readonly make: string;
  readonly program: string;
  /** What it brings over beside texts and the system's flags. */
  readonly brings: Looked;
  /** Which part of the messages it may double when it, or a server, is killed. */
  readonly doubles: number;
  /** Writes its configuration into the folder; answers the arguments of a run. */
  prepare(dir: string, one: ImapHost, other: ImapHost): Promise<string[]>;
}

/** Debian's isync. */
export const mbsync: Syncer = {
  make: "mbsync",
  program: "mbsync",
  brings: { keywords: false, dates: true },
  // it marks each message, and looks for the mark: all but what comes late
  doubles: 0.02,
  async prepare(dir, ...hosts) {
    await Deno.mkdir(`${dir}/state`);
    const store = ({ port }: ImapHost, name: string) =>
      `IMAPStore ${name}\nHost 127.0.0.1\nPort ${port}\nUser ${READER}\nPass ${READERS_PASSWORD}\nSSLType None\n\n`;
    const channel = `Channel all\nFar :one:\nNear :other:\nPatterns * INBOX\nCreate Both\nExpunge Both\n` +
      `CopyArrivalDate yes\nSyncState ${dir}/state/\n`;
    await Deno.writeTextFile(`${dir}/mbsyncrc`, store(hosts[0], "one") + store(hosts[1], "other") + channel);
    return ["-c", `${dir}/mbsyncrc`, "-q", "-a"];
  },
};

/** Debian's offlineimap3. */
export const offlineimap: Syncer = {
  make: "offlineimap",
  program: "offlineimap",
  // of the dates it takes that of the header
  brings: { keywords: false, dates: false },
  // it notes late what it has brought over
  doubles: 0.2,
  async prepare(dir, ...hosts) {
    const repository = ({ port }: ImapHost, name: string) =>
      `[Repository ${name}]\ntype = IMAP\nremotehost = 127.0.0.1\nremoteport = ${port}\nremoteuser = ${READER}\n` +
      `remotepass = ${READERS_PASSWORD}\nssl = no\nstarttls = no\nmaxconnections = 3\n\n`;
    await Deno.writeTextFile(
      `${dir}/offlineimaprc`,
      `[general]\naccounts = both\nmetadata = ${dir}/offlineimap\nmaxsyncaccounts = 1\nsocktimeout = 30\n\n` +
        `[Account both]\nlocalrepository = one\nremoterepository = other\n\n` +
        repository(hosts[0], "one") + repository(hosts[1], "other"),
    );
    return ["-c", `${dir}/offlineimaprc`, "-o", "-u", "quiet"];
  },
};

/** Debian's interimap, which does nothing without exact QRESYNC. */
export const interimap: Syncer = {
  make: "interimap",
  program: "interimap",
  brings: { keywords: true, dates: true },
  // what it gave by one MULTIAPPEND whose answer did not come
  doubles: 0.2,
  async prepare(dir, ...hosts) {
    const side = ({ port }: ImapHost, name: string) =>
      `[${name}]\ntype = imap\nhost = 127.0.0.1\nport = ${port}\nSTARTTLS = NO\nusername = ${READER}\n` +
      `password = ${READERS_PASSWORD}\n\n`;
    await Deno.mkdir(`${dir}/.local/share/interimap`, { recursive: true, mode: 0o700 });
    await Deno.writeTextFile(
      `${dir}/interimaprc`,
      `database = both.db\nlist-mailbox = *\n\n${side(hosts[0], "local")}${side(hosts[1], "remote")}`,
    );
    return [`--config=${dir}/interimaprc`, "--quiet"];
  },
};
