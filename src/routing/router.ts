/** In charge of who a recipient is: a mailbox here, somebody elsewhere, several of both, or nobody. */

import type { Mailbox } from "../mail/envelope.ts";
import { localKey, splitMailbox } from "../mail/address.ts";

/** One end of an expansion. */
export interface Leaf {
  /** In a mailbox here, or at another server. */
  readonly kind: "mailbox" | "remote";
  /** The account's address, or the remote one. */
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
  /** Ours, and these get it: at least one. */
  | { readonly kind: "local"; readonly leaves: readonly Leaf[]; readonly list: boolean }
  /** Ours, and nobody has that name. */
  | { readonly kind: "unknown" }
  /** Ours, but the aliases lead in a circle or too deep. */
  | { readonly kind: "loop"; readonly at: Mailbox };

/** What the router asks about names; accounts and aliases answer from memory. */
export interface Directory {
  /** Is there an account of that name? */
  hasAccount(address: Mailbox): boolean;
  /** The account that gets what nobody else is there for. */
  firstAccount(): Mailbox | undefined;
  /** The targets of an alias or list, with the list's owner when it has one. */
  alias(address: Mailbox): { readonly targets: readonly Mailbox[]; readonly owner?: Mailbox } | undefined;
}

/** What the router is told once. */
export interface RouterOptions {
  readonly directory: Directory;
  /** Our domains, canonical. */
  readonly domains: readonly string[];
  /** Domain to the account (or alias) that gets what nobody else is there for. */
  readonly catchAll: Readonly<Record<string, Mailbox>>;
  /** Between a name and its detail: `brain+news@`. Empty: no details. */
  readonly subaddressSeparator: string;
}

/** Aliases of aliases are followed this deep. */
const MAX_DEPTH = 10;
/** One recipient becomes at most so many. */
const MAX_LEAVES = 1000;
/** Names that somebody must read (RFC 5321 4.5.1, RFC 2142). */
const ROLES = new Set(["postmaster", "abuse"]);

/** Resolves recipients. */
export class Router {
  readonly #options: RouterOptions;
  readonly #domains: ReadonlySet<string>;

  constructor(options: RouterOptions) {
    this.#options = options;
    this.#domains = new Set(options.domains);
  }

  /** Is mail for that domain delivered here? */
  isLocal(domain: string): boolean {
    return this.#domains.has(domain);
  }

  /** The domains that are delivered here, the first one first. */
  get domains(): readonly string[] {
    return this.#options.domains;
  }

  /** Who is it? `<postmaster>` without a domain is the first domain's. */
  resolve(recipient: Mailbox): Resolution {
    const { domain } = splitMailbox(recipient);
    const address = domain === "" ? `${recipient}@${this.domains[0]}` : recipient;
    if (domain !== "" && !this.isLocal(domain)) return { kind: "remote" };
    return new Expansion(this, this.#options).of(localKey(address));
  }
}

/** One expansion: depth first, each name once. */
class Expansion {
  readonly #leaves = new Map<Mailbox, Leaf>();
  readonly #seen = new Set<Mailbox>();
  #loop: Mailbox | undefined;
  #list = false;

  constructor(private readonly router: Router, private readonly options: RouterOptions) {}

  of(address: Mailbox): Resolution {
    const found = this.#name(address, undefined, 0);
    if (this.#leaves.size > 0) return { kind: "local", leaves: [...this.#leaves.values()], list: this.#list };
    if (this.#loop !== undefined) return { kind: "loop", at: this.#loop };
    return found ? { kind: "loop", at: address } : { kind: "unknown" };
  }

  /** Follows a local name; false when nobody has it. */
  #name(address: Mailbox, from: Leaf | undefined, depth: number): boolean {
    if (depth > MAX_DEPTH || this.#leaves.size >= MAX_LEAVES) {
      this.#loop = address;
      return true;
    }
    for (const name of this.#spellings(address)) {
      if (this.#exact(name, from, depth)) return true;
    }
    return false;
  }

  /** The names to look for, the most exact first. */
  #spellings(address: Mailbox): Mailbox[] {
    const { local, domain } = splitMailbox(address);
    const names = [address];
    const separator = this.options.subaddressSeparator;
    const cut = separator === "" ? -1 : local.indexOf(separator);
    const base = cut > 0 ? local.slice(0, cut) : local;
    if (cut > 0) names.push(`${base}@${domain}`);
    const rest = this.options.catchAll[domain];
    if (rest !== undefined) names.push(localKey(rest));
    if (ROLES.has(base)) {
      if (base !== "postmaster") names.push(`postmaster@${domain}`);
      names.push(...this.router.domains.map((d) => `postmaster@${d}`));
      const first = this.options.directory.firstAccount();
      if (first !== undefined) names.push(first);
    }
    return names;
  }

  #exact(name: Mailbox, from: Leaf | undefined, depth: number): boolean {
    const alias = this.options.directory.alias(name);
    if (alias && !this.#seen.has(name)) {
      this.#seen.add(name);
      if (depth === 0) this.#list = true;
      const owner = alias.owner ?? from?.owner;
      const through: Leaf = {
        kind: "mailbox",
        address: name,
        via: name,
        ...(owner === undefined ? {} : { owner }),
      };
      for (const target of alias.targets) this.#target(target, through, depth + 1);
      return true;
    }
    if (this.options.directory.hasAccount(name)) {
      this.#add({ ...from, kind: "mailbox", address: name });
      return true;
    }
    // An alias that names itself without an account of that name leads nowhere.
    if (alias) this.#loop = name;
    return alias !== undefined;
  }

  #target(target: Mailbox, from: Leaf, depth: number): void {
    const { domain } = splitMailbox(target);
    if (!this.router.isLocal(domain)) this.#add({ ...from, kind: "remote", address: target });
    else this.#name(localKey(target), from, depth);
  }

  #add(leaf: Leaf): void {
    if (!this.#leaves.has(leaf.address)) this.#leaves.set(leaf.address, leaf);
  }
}
