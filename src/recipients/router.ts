/** The router: says who a recipient is, a mailbox here, somebody elsewhere, several of both, or nobody. */

import type { Mailbox } from "../mail/envelope.ts";
import { localKey, localText, quoteLocal, splitMailbox } from "../mail/address.ts";

/** One end of an expansion. */
export interface ExpandedRecipient {
  /** In a mailbox here, at another server, or a name of ours that nobody has: an alias is out of date. */
  readonly kind: "mailbox" | "remote" | "nobody";
  /** The account's address, the remote one, or the name that nobody has. */
  readonly address: Mailbox;
  /** The alias or list it came through last, when it came through one. */
  readonly via?: Mailbox;
  /** A list's owner: the envelope sender of what goes on from here. */
  readonly owner?: Mailbox;
}

/** Who a recipient is. */
export type Resolution =
  /** Not of our domains. */
  | { readonly kind: "remote" }
  /** Ours, and these get it: one at least that isn't "nobody". */
  | { readonly kind: "local"; readonly recipients: readonly ExpandedRecipient[]; readonly list: boolean }
  /** Ours, and nobody has that name. */
  | { readonly kind: "unknown" }
  /** Ours, but the aliases lead in a circle only. */
  | { readonly kind: "loop"; readonly at: Mailbox }
  /** Ours, but the aliases lead too deep, or to too many. */
  | { readonly kind: "endless"; readonly at: Mailbox };

/** What the router asks about names; accounts and aliases answer from memory. */
export interface Directory {
  /** Is there an account of that name? */
  hasAccount(address: Mailbox): boolean;
  /** The account that gets what nobody else is there for. */
  firstAccount(): Mailbox | undefined;
  /** The targets of an alias or list, with the list's owner when it has one. */
  alias(address: Mailbox): { readonly targets: readonly Mailbox[]; readonly owner?: Mailbox } | undefined;
  /** Another value (by `===`) after each change of what the others answer. */
  revision(): unknown;
}

/** What the router is told once. */
export interface RouterOptions {
  readonly directory: Directory;
  /** Our domains, canonical. */
  readonly domains: readonly string[];
  /** The server's own name, canonical: where its reports come from, and where answers to them go. */
  readonly hostname: string;
  /** Domain to the account (or alias) that gets what nobody else is there for. */
  readonly catchAll: Readonly<Record<string, Mailbox>>;
  /** Between a name and its detail: `brain+news@`. Empty: no details. */
  readonly subaddressSeparator: string;
  /** True: every recipient of every domain is a mailbox here, of exactly its name. */
  readonly captures?: boolean;
}

/** Aliases of aliases are followed this deep. */
export const MAX_DEPTH = 10;
/** One recipient becomes at most so many. */
export const MAX_EXPANDED = 1000;
/** Names that somebody must read: RFC 5321 4.5.1, RFC 2142; reports come from mailer-daemon, cron writes to root. */
const ROLES = new Set(["postmaster", "abuse", "mailer-daemon", "root"]);

/** Resolves recipients. */
export class Router {
  readonly #options: RouterOptions;
  readonly #domains: ReadonlySet<string>;

  /** Asks the directory anew for each address. */
  constructor(options: RouterOptions) {
    this.#options = options;
    this.#domains = new Set(options.domains);
  }

  /** Is mail for that domain delivered here? */
  isLocal(domain: string): boolean {
    return this.#domains.has(domain);
  }

  /** Is every recipient a mailbox here, whatever its domain? */
  get captures(): boolean {
    return this.#options.captures ?? false;
  }

  /** Another value (by `===`) whenever {@linkcode resolve} may answer otherwise than before. */
  get revision(): unknown {
    return this.#options.directory.revision();
  }

  /** The domains that are delivered here, the first one first. */
  get domains(): readonly string[] {
    return this.#options.domains;
  }

  /** Who is it? `<postmaster>` without a domain is the first domain's, and so are such names at the host's name. */
  resolve(recipient: Mailbox): Resolution {
    const { local, domain } = splitMailbox(recipient);
    if (this.captures) {
      const address = localKey(domain === "" ? `${recipient}@${this.domains[0]}` : recipient);
      return { kind: "local", recipients: [{ kind: "mailbox", address }], list: false };
    }
    if (domain === "" || (domain === this.#options.hostname && !this.isLocal(domain) && isRole(local))) {
      return this.#expand(`${domain === "" ? recipient : local}@${this.domains[0]}`);
    }
    return this.isLocal(domain) ? this.#expand(recipient) : { kind: "remote" };
  }

  /** Is it a name of ours that somebody must read, whatever else is said of it? */
  isRole(recipient: Mailbox): boolean {
    const { local, domain } = splitMailbox(recipient);
    const ours = domain === "" || domain === this.#options.hostname || this.isLocal(domain);
    return ours && isRole(domain === "" ? recipient : local);
  }

  #expand(given: Mailbox): Resolution {
    const address = localKey(given);
    const { directory } = this.#options;
    // nearly every recipient is an account of that very name
    if (!directory.alias(address) && directory.hasAccount(address)) {
      return { kind: "local", recipients: [{ kind: "mailbox", address }], list: false };
    }
    return new Expansion(this, this.#options).of(address);
  }
}

function isRole(local: string): boolean {
  return ROLES.has(local.toLowerCase());
}

/**
 * One expansion: depth first, each alias once, so that it ends whatever the aliases are. A list that names itself
 * reaches the account of its name: with `brain -> brain, jsmith` brain keeps a copy.
 */
class Expansion {
  readonly #recipients = new Map<Mailbox, ExpandedRecipient>();
  readonly #seen = new Set<Mailbox>();
  #loop: Mailbox | undefined;
  #endless: Mailbox | undefined;
  #list = false;

  constructor(private readonly router: Router, private readonly options: RouterOptions) {}

  of(address: Mailbox): Resolution {
    this.#follow(address, undefined, 0);
    // Whatever the aliases say, somebody reads the postmaster's mail (RFC 5321 4.5.1).
    if (this.#isRole(address) && (!this.#leadsToSomebody() || this.#endless !== undefined)) {
      const first = this.options.directory.firstAccount();
      if (first !== undefined) {
        return { kind: "local", recipients: [{ kind: "mailbox", address: first }], list: false };
      }
    }
    // All of a list or nothing: a part of it would be a loss that nobody hears of.
    if (this.#endless !== undefined) return { kind: "endless", at: this.#endless };
    const recipients = [...this.#recipients.values()];
    if (this.#leadsToSomebody()) return { kind: "local", recipients, list: this.#list };
    return this.#loop === undefined ? { kind: "unknown" } : { kind: "loop", at: this.#loop };
  }

  #leadsToSomebody(): boolean {
    for (const { kind } of this.#recipients.values()) if (kind !== "nobody") return true;
    return false;
  }

  #isRole(address: Mailbox): boolean {
    return isRole(this.#parts(address).base);
  }

  /** Follows a local name to its recipients. */
  #follow(address: Mailbox, from: ExpandedRecipient | undefined, depth: number): void {
    for (const name of this.#spellings(address)) {
      if (this.#exact(name, from, depth)) return;
    }
    this.#add({ ...from, kind: "nobody", address });
  }

  #parts(address: Mailbox): { base: string; hasDetail: boolean; domain: string } {
    const { local, domain } = splitMailbox(address);
    const separator = this.options.subaddressSeparator;
    const text = localText(local);
    const cut = separator === "" ? -1 : text.indexOf(separator);
    if (cut <= 0) return { base: local, hasDetail: false, domain };
    const base = text.slice(0, cut);
    // only the detail may have needed the quotes
    return { base: local === text ? base : quoteLocal(base), hasDetail: true, domain };
  }

  /** The names to look for, the most exact first. */
  #spellings(address: Mailbox): Mailbox[] {
    const { base, hasDetail, domain } = this.#parts(address);
    const names = [address];
    if (hasDetail) names.push(`${base}@${domain}`);
    const rest = this.options.catchAll[domain];
    if (rest !== undefined) names.push(localKey(rest));
    if (ROLES.has(base)) {
      if (base !== "postmaster") names.push(`postmaster@${domain}`);
      for (const ours of this.router.domains) names.push(`postmaster@${ours}`);
      const first = this.options.directory.firstAccount();
      if (first !== undefined) names.push(localKey(first));
    }
    return names;
  }

  /** Is there an alias or an account of exactly that name? Then it is followed. */
  #exact(name: Mailbox, from: ExpandedRecipient | undefined, depth: number): boolean {
    const { directory } = this.options;
    const alias = directory.alias(name);
    if (alias && !this.#seen.has(name)) {
      if (depth >= MAX_DEPTH) {
        this.#endless ??= name;
        return true;
      }
      this.#seen.add(name);
      if (depth === 0) this.#list = true;
      const owner = alias.owner ?? from?.owner;
      const through: ExpandedRecipient = {
        kind: "nobody",
        address: name,
        via: name,
        ...(owner && { owner }),
      };
      for (const target of alias.targets) this.#target(target, through, depth + 1);
      return true;
    }
    if (directory.hasAccount(name)) {
      this.#add({ ...from, kind: "mailbox", address: name });
      return true;
    }
    // Back at an alias that is followed already, and no account of that name keeps a copy.
    if (alias) this.#loop ??= name;
    return alias !== undefined;
  }

  #target(target: Mailbox, from: ExpandedRecipient, depth: number): void {
    if (this.#endless !== undefined) return;
    const { domain } = splitMailbox(target);
    if (domain !== "" && !this.router.isLocal(domain)) {
      this.#add({ ...from, kind: "remote", address: target });
    } else {this.#follow(
        localKey(domain === "" ? `${target}@${splitMailbox(from.address).domain}` : target),
        from,
        depth,
      );}
  }

  #add(recipient: ExpandedRecipient): void {
    const before = this.#recipients.get(recipient.address);
    if (before) return;
    if (this.#recipients.size >= MAX_EXPANDED) this.#endless ??= recipient.address;
    else this.#recipients.set(recipient.address, recipient);
  }
}
