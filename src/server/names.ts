/** Who has which name on a server: accounts, aliases, the router over both, and their mail. */

import { Accounts } from "../auth/accounts.ts";
import { AppPasswords } from "../auth/app_passwords.ts";
import { LEAST_COST } from "../auth/password_hash.ts";
import { CapturedMail } from "../capture/captured_mail.ts";
import { CapturedMailboxes } from "../capture/captured_mailboxes.ts";
import { Srs } from "../mail/srs.ts";
import { MailStore } from "../mailbox/mail_store.ts";
import { wantedDetails } from "../mailbox/sub_folder.ts";
import { Aliases } from "../recipients/aliases.ts";
import { Router } from "../recipients/router.ts";
import { loadSecret } from "../storage/secret.ts";
import type { Store } from "../storage/store.ts";
import { bringOver } from "./bring_over.ts";
import { makeFacts } from "./mail_facts.ts";
import type { MailServerOptions, Surroundings } from "./options.ts";

/** Who has which name here, and what mail. */
export interface Names {
  readonly accounts: Accounts;
  readonly appPasswords: AppPasswords;
  readonly mailStore: MailStore;
  /** Present where mail is captured; the mailboxes show it. */
  readonly captured: CapturedMail | undefined;
  readonly aliases: Aliases;
  /** Present where senders of what is forwarded are rewritten. */
  readonly srs: Srs | undefined;
  readonly router: Router;
}

/** The addresses that are made are our first domain's. */
async function openSrs(
  store: Store,
  { config, clock, random, metrics }: Pick<Surroundings, "config" | "clock" | "random" | "metrics">,
): Promise<Srs> {
  const key = await loadSecret("srs", store, random);
  return new Srs({ key, clock, domain: config.domains[0]!, onForward: () => metrics.forwarded() });
}

/** Whom an address that stands for a forwarded message's sender leads to. */
function originOf(address: string, srs: Srs | undefined): { targets: [string] } | undefined {
  const origin = srs?.reverse(address);
  return origin === undefined ? undefined : { targets: [origin] };
}

/** Opens them, and brings over the mail of an older version. */
export async function openNames(
  store: Store,
  { config, clock, random, journal, metrics }: Surroundings,
  { inMemory }: MailServerOptions,
): Promise<Names> {
  const { hostname, domains, catchAll, subaddressSeparator } = config;
  const captured = config.capture ? new CapturedMail(store, { clock, keep: config.capture }) : undefined;
  const mailStore = captured
    ? new CapturedMailboxes(store, { clock, mail: captured })
    : new MailStore(store, { clock, random, rememberMs: config.queue.history, leaseMs: config.lease });
  await bringOver(mailStore, { clock, journal });
  makeFacts(mailStore);
  const accounts = new Accounts(store, {
    clock,
    random,
    domains,
    mailStore,
    ...(inMemory ? LEAST_COST : {}),
  });
  mailStore.useDetails(wantedDetails(accounts, subaddressSeparator));
  const aliases = new Aliases(store, { clock, domains, configured: config.aliases });
  await Promise.all([accounts.load(), aliases.load(), captured?.load()]);
  for (const names of [accounts, aliases]) {
    names.follow((error) => journal.note("WARN", "names not read again", { error: String(error) }));
  }
  const srs = config.relay.srs ? await openSrs(store, { config, clock, random, metrics }) : undefined;
  const directory = {
    hasAccount: (address: string) => accounts.has(address),
    firstAccount: () => accounts.first()?.address,
    alias: (address: string) => aliases.get(address) ?? originOf(address, srs),
    // both only ever grow
    revision: () => accounts.revision + aliases.revision,
  };
  return {
    accounts,
    appPasswords: new AppPasswords(store, { clock, random }),
    aliases,
    mailStore,
    srs,
    router: new Router({
      directory,
      hostname,
      domains,
      catchAll,
      subaddressSeparator,
      captures: captured !== undefined,
    }),
    captured,
  };
}
