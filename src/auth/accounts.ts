/** The accounts: who has a mailbox here, and who may log in. */

import type { Clock } from "../base/clock.ts";
import { parsePhc, type PasswordCost } from "../base/passwords.ts";
import type { Random } from "../base/random.ts";
import { saslPrep } from "../base/sasl_prep.ts";
import { localKey, splitMailbox } from "../mail/address.ts";
import { normalizeDomain } from "../mail/domain.ts";
import type { Mailbox } from "../mail/envelope.ts";
import * as keys from "../storage/keys.ts";
import type { Store } from "../storage/store.ts";
import { together, type Write } from "../storage/write.ts";
import type { Account, AccountChange, NewAccount } from "./account.ts";
import { PasswordHasher } from "./password_hash.ts";
import { fitsClients, makeScramVerifier, type ScramVerifier } from "./scram.ts";
import { ScramDecoys } from "./scram_decoys.ts";
import { Table } from "../storage/table.ts";
import { VerifiedPasswords } from "./verified_passwords.ts";

export type { Account, AccountChange, NewAccount };

/** The mail that comes and goes with accounts. */
export interface AccountMail {
  /** What makes a mailbox go with all that is in it, to be in one commit with the end of its account. */
  endWrite(address: Mailbox): Write;
  /** Carries that out. */
  finishEnd(address: Mailbox): Promise<void>;
  /** Makes sure that a mailbox without an account is empty; answers what must still be so when there is one. */
  emptied(address: Mailbox): Promise<Write>;
}

/** What accounts need beside the store. */
export interface AccountsOptions {
  /** For creation times, and for following what other servers change. */
  readonly clock: Clock;
  /** For salts. */
  readonly random: Random;
  /** The domains delivered here, canonical; a login name without a domain is looked for in them, in this order. */
  readonly domains: readonly string[];
  /** Where the mail is that goes with its account. */
  readonly mailStore: AccountMail;
  /** What new password hashes cost; tests take little. */
  readonly cost?: PasswordCost;
  /** Rounds of new SCRAM verifiers. */
  readonly scramIterations?: number;
}

/** Longest login name that is looked for: no address is longer (RFC 5321 4.5.3.1). */
const MAX_NAME = 320;

/** The accounts of this server. {@linkcode load} comes first. */
export class Accounts {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #domains: readonly string[];
  readonly #mailStore: AccountMail;
  readonly #table: Table<Account>;
  readonly #hasher: PasswordHasher;
  readonly #verified: VerifiedPasswords;
  /** Passwords that are being hashed, by guess. */
  readonly #verifying = new Map<string, Promise<Account | undefined>>();
  readonly #scramIterations: number | undefined;
  readonly #decoys: ScramDecoys;
  /** Whether all have a SCRAM verifier, at that revision of the table. */
  #scram = { revision: -1, ready: true };

  /** On that store; nothing is read yet. */
  constructor(store: Store, options: AccountsOptions) {
    this.#store = store;
    this.#clock = options.clock;
    this.#random = options.random;
    this.#domains = options.domains;
    this.#mailStore = options.mailStore;
    const tableKeys = { key: keys.account, all: keys.accounts, version: keys.accountsVersion };
    this.#table = new Table(store, { keys: tableKeys, clock: options.clock });
    this.#hasher = new PasswordHasher(options);
    this.#verified = new VerifiedPasswords(options);
    this.#scramIterations = options.scramIterations;
    this.#decoys = new ScramDecoys(store, { random: options.random, iterations: options.scramIterations });
  }

  /** Reads all accounts. */
  load(): Promise<void> {
    return this.#table.load();
  }

  /** On a shared store: hears of what other servers change within a second or two, until {@linkcode close}. */
  follow(onError: (error: unknown) => void): void {
    this.#table.follow(onError);
  }

  /** Follows no more; to be done before the store is closed. */
  close(): Promise<void> {
    return this.#table.close();
  }

  /** Makes the accounts of the configuration that are missing, in order; the others stay as they are. */
  async seed(accounts: readonly NewAccount[]): Promise<void> {
    for (const account of accounts) {
      if (!this.has(account.address)) await this.add(account);
    }
  }

  /** The account of an address. */
  get(address: Mailbox): Account | undefined {
    return this.#table.get(localKey(address));
  }

  /** Like {@linkcode get}, but on a shared store sure that there is none when it says so. */
  find(address: Mailbox): Promise<Account | undefined> {
    return this.#table.find(localKey(address));
  }

  /** Is there such an account? */
  has(address: Mailbox): boolean {
    return this.get(address) !== undefined;
  }

  /** Another number after each change. */
  get revision(): number {
    return this.#table.revision;
  }

  /** The account that was made first: who gets the postmaster's mail when nobody else does. */
  first(): Account | undefined {
    let first: Account | undefined;
    for (const account of this.#table.values()) {
      if (!first || account.createdAt < first.createdAt) first = account;
    }
    return first;
  }

  /** Accounts by address, at most `limit`, those after `after`. */
  async list(options: { after?: Mailbox; limit?: number } = {}): Promise<Account[]> {
    const all = await this.#table.list();
    const after = options.after === undefined ? undefined : localKey(options.after);
    const from = after === undefined ? 0 : all.findIndex((account) => localKey(account.address) > after);
    return from < 0 ? [] : all.slice(from, options.limit === undefined ? undefined : from + options.limit);
  }

  /**
   * Makes an account, or answers "exists". Its mailbox is empty: what is left of a former one of that name goes first,
   * and when that fails there is no account.
   */
  async add(account: NewAccount): Promise<Account | "exists"> {
    if (this.has(account.address)) return "exists";
    const secrets = account.password === undefined
      ? { passwordHash: account.passwordHash ?? "" }
      : await this.#secrets(account.password);
    const base: Account = {
      address: account.address,
      ...(account.name === undefined ? {} : { name: account.name }),
      ...secrets,
      ...(account.quota === undefined ? {} : { quota: account.quota }),
      ...(account.subFolders && { subFolders: true }),
      createdAt: this.#nextCreation(),
    };
    const key = localKey(account.address);
    let made: Account | undefined;
    let empty: Write | undefined;
    const there = await this.#table.change(key, async (old) => {
      if (old) return old;
      const mailbox = await this.#mailStore.emptied(key);
      const { value: former, ...check } = await this.#store.kv.get<number>(keys.formerAccount(key));
      empty = { ...mailbox, checks: [...mailbox.checks ?? [], check] };
      return made = succeeding(base, former);
    }, () => empty);
    return there === made ? made! : "exists";
  }

  /** Changes what is given; undefined when there is no such account. */
  update(address: Mailbox, change: AccountChange): Promise<Account | undefined> {
    return this.#table.change(localKey(address), (old) => {
      if (!old) return old;
      const { name: oldName, quota: oldQuota, subFolders: before, ...rest } = old;
      const name = change.name === undefined ? oldName : change.name;
      const quota = change.quota === undefined ? oldQuota : change.quota;
      return {
        ...rest,
        ...(name == null ? {} : { name }),
        ...(quota == null ? {} : { quota }),
        ...((change.subFolders ?? before) && { subFolders: true }),
      };
    });
  }

  /** Gives the account a new password, while `was` is its hash; undefined when there is no such account. */
  async setPassword(address: Mailbox, password: string, was?: string): Promise<Account | undefined> {
    const secrets = await this.#secrets(password);
    this.#verified.forget(localKey(address));
    const isIt = (old: Account) => (was ?? old.passwordHash) === old.passwordHash;
    return this.#table.change(localKey(address), (old) => old && isIt(old) ? { ...old, ...secrets } : old);
  }

  /**
   * Removes the account with its mail; false when there is none. That happens in one commit, after which nobody can
   * log in or receive by that name; the mail is taken away behind it, and where that fails, when the server looks
   * next or an account of that name is made.
   */
  async remove(address: Mailbox): Promise<boolean> {
    const key = localKey(address);
    let was = false;
    this.#verified.forget(key);
    await this.#table.change(key, (old) => {
      was = old !== undefined;
      return undefined;
    }, (old) => together(this.#mailStore.endWrite(key), this.#former(old!)));
    if (!was) return false;
    // where that fails it has happened all the same
    await this.#mailStore.finishEnd(key).catch(() => {});
    return true;
  }

  #former({ address, createdAt }: Account): Write {
    const value = Math.max(this.#clock.now(), createdAt);
    return { mutations: [{ type: "set", key: keys.formerAccount(localKey(address)), value }], size: 100 };
  }

  /** Is there still this very account, not removed and perhaps made anew? On a shared store it is asked for there. */
  async isCurrent({ address, createdAt }: Pick<Account, "address" | "createdAt">): Promise<boolean> {
    const key = localKey(address);
    const now = this.#store.embedded
      ? this.#table.get(key)
      : (await this.#store.kv.get<Account>(keys.account(key))).value;
    return now?.createdAt === createdAt;
  }

  /**
   * The account whose name and password these are, where they were verified a moment ago; never hashes. `guess` is the
   * same for the same name and password, and tells nothing of them; undefined for a password that nobody has.
   */
  recall(name: string, password: string | undefined): { account?: Account; guess?: string } {
    if (password === undefined) return {};
    const { mailbox, account, digest } = this.#look(name, password);
    const guess = digest.toBase64();
    return account && this.#verified.has(mailbox, digest) ? { account, guess } : { guess };
  }

  /**
   * The account whose name and password these are. An unknown name takes as long as a wrong password, and so does
   * undefined, a password that nobody has; who asks for the same meanwhile gets the same answer. A hash that costs less
   * than new ones do is made anew on the way, and so is a SCRAM verifier that is missing, or too costly for clients.
   */
  async verify(name: string, password: string | undefined): Promise<Account | undefined> {
    if (password === undefined) {
      await this.#hasher.verify("", undefined);
      return undefined;
    }
    const { account, guess } = this.recall(name, password);
    if (account && (await this.isCurrent(account))) return account;
    const verifying = this.#verifying.get(guess!) ?? this.#verify(name, password);
    this.#verifying.set(guess!, verifying);
    try {
      return await verifying;
    } finally {
      if (this.#verifying.get(guess!) === verifying) this.#verifying.delete(guess!);
    }
  }

  async #verify(name: string, password: string): Promise<Account | undefined> {
    const { account } = this.#look(name, password);
    const right = await this.#hasher.verify(password, account?.passwordHash);
    if (!right || !account) return undefined;
    const isOld = !fitsClients(account.scram) || this.#hasher.isWeak(account.passwordHash);
    const passwordHash = isOld ? await this.#renew(account, password) : account.passwordHash;
    const now = this.#look(name, password);
    // another password may have been set meanwhile, or the account has gone
    if (now.account?.passwordHash !== passwordHash) {
      return now.account && (await this.#verify(name, password));
    }
    if (!(await this.isCurrent(now.account))) return undefined;
    this.#verified.add(now.mailbox, now.digest);
    return now.account;
  }

  /** Makes hash and verifier anew, unless the password has changed; answers what the hash should be now. */
  async #renew(account: Account, password: string): Promise<string> {
    const secrets = await this.#secrets(password);
    try {
      await this.#table.change(localKey(account.address), (old) => {
        return old?.passwordHash === account.passwordHash ? { ...old, ...secrets } : old;
      });
      return secrets.passwordHash;
    } catch {
      // the password was right, whether the store takes a write now (a full disk) or at another login
      return account.passwordHash;
    }
  }

  #look(name: string, password: string): { mailbox: Mailbox; account?: Account; digest: Uint8Array } {
    const mailbox = this.loginMailbox(name) ?? "";
    const account = this.get(mailbox);
    const digest = this.#verified.digest({ mailbox, passwordHash: account?.passwordHash ?? "", password });
    return { mailbox, ...(account && { account }), digest };
  }

  /** The account a login name means: an address, or a local part in the first of our domains that has one. */
  byName(name: string): Account | undefined {
    return this.get(this.loginMailbox(name) ?? "");
  }

  /**
   * The mailbox that a login name means, as a local key, however it is written and whether there is an account or
   * not: where attempts are counted and decoys are made. Undefined for a name that can't be a mailbox's.
   */
  loginMailbox(name: string): Mailbox | undefined {
    if (name.length > MAX_NAME) return undefined;
    // blanks only: with a control character it is another name, and nobody's
    const prepared = (saslPrep(name) ?? name).replace(/^ +| +$/g, "");
    if (prepared.includes("@")) return keyOf(prepared);
    for (const domain of this.#domains) {
      const key = keyOf(`${prepared}@${domain}`);
      if (key !== undefined && this.get(key)) return key;
    }
    // most accounts are in the first one's domain: a name without an account looks as theirs do
    const first = this.first()?.address;
    return keyOf(`${prepared}@${first === undefined ? this.#domains[0] : splitMailbox(first).domain}`);
  }

  /**
   * True while everybody who can log in can do it by SCRAM. An account that was made from a hash gets its verifier at
   * its first login with the password; a client that sees SCRAM listed may try nothing else.
   */
  get scramReady(): boolean {
    const { revision } = this.#table;
    if (this.#scram.revision !== revision) {
      const ready = this.#table.values().every(({ passwordHash, scram }) => scram || !parsePhc(passwordHash));
      this.#scram = { revision, ready };
    }
    return this.#scram.ready;
  }

  /** What SCRAM checks a name with: for unknown names, and accounts without a verifier, one that nothing fits. */
  async scramVerifier(name: string): Promise<ScramVerifier> {
    const mailbox = this.loginMailbox(name);
    // always made, so that the time is the same
    const decoy = await this.#decoys.of(mailbox ?? name.slice(0, MAX_NAME));
    return (mailbox === undefined ? undefined : this.get(mailbox)?.scram) ?? decoy;
  }

  async #secrets(password: string): Promise<{ passwordHash: string; scram: ScramVerifier }> {
    const iterations = this.#scramIterations;
    const scram = await makeScramVerifier(password, {
      random: this.#random,
      ...(iterations === undefined ? {} : { iterations }),
    });
    return { passwordHash: await this.#hasher.hash(password), scram };
  }

  /** Rises with each account, so that the first one stays the first. */
  #nextCreation(): number {
    let at = this.#clock.now();
    for (const { createdAt } of this.#table.values()) at = Math.max(at, createdAt + 1);
    return at;
  }
}

/** An account that is made after another one of its name has to differ from it. */
function succeeding(account: Account, formerUntil: number | null): Account {
  if (formerUntil === null) return account;
  return { ...account, formerUntil, createdAt: Math.max(account.createdAt, formerUntil + 1) };
}

function keyOf(address: string): Mailbox | undefined {
  const { local, domain } = splitMailbox(address);
  const canonical = normalizeDomain(domain);
  return local === "" || canonical === undefined ? undefined : localKey(`${local}@${canonical}`);
}
