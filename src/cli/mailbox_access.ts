/** The access to mailboxes: over the running server, or in the data directory when none is running. */

import { systemClock } from "../base/clock.ts";
import { IdMaker } from "../base/ids.ts";
import { systemRandom } from "../base/random.ts";
import { ADMIN } from "../http/roles.ts";
import { parseMailbox } from "../mail/address.ts";
import type { Imported } from "../mailbox/mailbox_file.ts";
import { ApiClient, type ApiOptions } from "./api_client.ts";
import { CliError, ExitCode } from "./cli_error.ts";
import { loadFor } from "./options.ts";
import { safe } from "./output.ts";

/** Mailboxes as mbox files. */
export interface MailboxAccess extends AsyncDisposable {
  /** The names of its folders, INBOX first. */
  folders(address: string): Promise<string[]>;
  /** All of a mailbox, or of one folder. */
  read(address: string, folder?: string): AsyncIterable<Uint8Array>;
  /** Puts all messages of a file into a folder, which is made when it is missing; undefined: INBOX. */
  write(address: string, mbox: AsyncIterable<Uint8Array>, folder?: string): Promise<Imported>;
}

/** Finds the server, else opens the data directory. Throws {@linkcode CliError}. */
export async function openMailboxes(options: ApiOptions): Promise<MailboxAccess> {
  if (options.url === undefined) {
    const { openStoreAtRest } = await import("../server/store_at_rest.ts");
    const config = await loadFor(options);
    // what lies in the data directory of a server with a shared store is nobody's mail any more
    if (config.kv !== null) return new ServedMailboxes(await ApiClient.find(options));
    try {
      const rest = await openStoreAtRest(config.dataDir, systemClock);
      return await OfflineMailboxes.on(rest, config.domains);
    } catch (error) {
      const { name, message } = error as Error;
      if (name === "NoStore") throw new CliError(ExitCode.unavailable, message);
      if (name !== "StoreInUse") throw error;
      return new ServedMailboxes(await findServer(options, message));
    }
  }
  return new ServedMailboxes(await ApiClient.find(options));
}

/** The server that has the data directory; `inUse` says so in words. */
async function findServer(options: ApiOptions, inUse: string): Promise<ApiClient> {
  try {
    return await ApiClient.find(options);
  } catch (error) {
    const isHidden = error instanceof CliError && error.code === ExitCode.unavailable;
    throw isHidden
      ? new CliError(ExitCode.tryAgain, `${inUse} It has no HTTP surface to be asked over.`)
      : error;
  }
}

class ServedMailboxes implements MailboxAccess {
  constructor(private readonly api: ApiClient) {}

  async folders(address: string): Promise<string[]> {
    const { items } = await this.api.call<{ items: { name: string }[] }>(`${path(address)}/folders`);
    return items.map(({ name }) => name);
  }

  async *read(address: string, folder?: string): AsyncGenerator<Uint8Array> {
    const response = await this.api.open(`${path(address)}/export${inFolder(folder)}`);
    yield* response.body!;
  }

  async write(address: string, mbox: AsyncIterable<Uint8Array>, folder?: string): Promise<Imported> {
    const body = ReadableStream.from(mbox) as ReadableStream<Uint8Array<ArrayBuffer>>;
    const response = await this.api.open(`${path(address)}/import${inFolder(folder)}`, {
      method: "POST",
      headers: { "content-type": "application/mbox" },
      body,
    });
    return await response.json();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}

function path(address: string): string {
  return `/mailboxes/${encodeURIComponent(address)}`;
}

function inFolder(folder: string | undefined): string {
  return folder === undefined ? "" : `?folder=${encodeURIComponent(folder)}`;
}

type Rest = Awaited<ReturnType<typeof import("../server/store_at_rest.ts").openStoreAtRest>>;

class OfflineMailboxes implements MailboxAccess {
  readonly #rest: Rest;
  readonly #mailbox: typeof import("../mailbox/mailbox_file.ts");
  readonly #mailStore: import("../mailbox/mail_store.ts").MailStore;
  readonly #audit: import("../http/audit.ts").AuditLog;
  readonly #accounts: import("../auth/accounts.ts").Accounts;

  private constructor(
    rest: Rest,
    parts: {
      mailbox: typeof import("../mailbox/mailbox_file.ts");
      mailStore: import("../mailbox/mail_store.ts").MailStore;
      accounts: import("../auth/accounts.ts").Accounts;
      audit: import("../http/audit.ts").AuditLog;
    },
  ) {
    this.#rest = rest;
    this.#mailbox = parts.mailbox;
    this.#mailStore = parts.mailStore;
    this.#accounts = parts.accounts;
    this.#audit = parts.audit;
  }

  static async on(rest: Rest, domains: readonly string[]): Promise<OfflineMailboxes> {
    const [mailbox, { MailStore }, { Accounts }, { AuditLog }, { Journal }] = await Promise.all([
      import("../mailbox/mailbox_file.ts"),
      import("../mailbox/mail_store.ts"),
      import("../auth/accounts.ts"),
      import("../http/audit.ts"),
      import("../observe/journal.ts"),
    ]);
    const mailStore = new MailStore(rest.store, { clock: systemClock });
    const accounts = new Accounts(rest.store, {
      clock: systemClock,
      random: systemRandom,
      domains,
      mailStore,
    });
    await accounts.load();
    return new OfflineMailboxes(rest, {
      mailbox,
      accounts,
      mailStore,
      audit: new AuditLog({
        store: rest.store,
        clock: systemClock,
        random: systemRandom,
        journal: new Journal(undefined),
      }),
    });
  }

  async folders(text: string): Promise<string[]> {
    using folders = await this.#mailStore.open(await this.#known(text));
    return folders.list().map(({ name }) => name);
  }

  async *read(text: string, folder?: string): AsyncGenerator<Uint8Array> {
    const address = await this.#known(text);
    if (folder === undefined) return yield* this.#mailbox.exportMbox(this.#mailStore, address);
    using folders = await this.#mailStore.open(address);
    const found = folders.byName(folder);
    if (!found) {
      throw new CliError(ExitCode.noUser, `${safe(address)} has no folder "${safe(folder)}"`);
    }
    yield* this.#mailbox.exportMbox(this.#mailStore, address, found.name);
  }

  async #known(text: string): Promise<string> {
    const address = canonical(text);
    if (this.#accounts.has(address) || (await this.#mailStore.usage(address)).messages > 0) return address;
    throw noMailbox(text);
  }

  async write(text: string, mbox: AsyncIterable<Uint8Array>, folder?: string): Promise<Imported> {
    const account = this.#accounts.get(canonical(text));
    if (!account) throw noMailbox(text);
    try {
      const imported = await this.#mailbox.importMbox(account.address, mbox, {
        store: this.#rest.store,
        mailStore: this.#mailStore,
        clock: systemClock,
        ids: new IdMaker(systemClock, systemRandom),
        quota: account.quota,
        folder,
      });
      // as of the call that a running server would have had
      await this.#audit.record(ADMIN, { method: "POST", path: `/api/v1${path(account.address)}/import` });
      return imported;
    } catch (error) {
      if (!(error instanceof this.#mailbox.ImportStopped)) throw error;
      throw new CliError(error.why === "source" ? ExitCode.badData : ExitCode.tryAgain, error.message);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#mailStore.close();
    await this.#accounts.close();
    await this.#rest[Symbol.asyncDispose]();
  }
}

function canonical(text: string): string {
  const address = parseMailbox(text.trim());
  if (address === undefined) throw noMailbox(text);
  return address;
}

function noMailbox(text: string): CliError {
  return new CliError(ExitCode.noUser, `There is no mailbox ${safe(text)}`);
}
