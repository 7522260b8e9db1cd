/** An account as it is kept, made and changed. */

import type { Mailbox } from "../mail/envelope.ts";
import type { ScramVerifier } from "./scram.ts";

/** One account. */
export interface Account {
  /** Its address, as it was given. */
  readonly address: Mailbox;
  /** Whose it is, for VRFY: `Brain`. */
  readonly name?: string;
  /** The password's hash, a PHC string; empty: nobody can log in. */
  readonly passwordHash: string;
  /** To check SCRAM-SHA-256; absent until the password was seen once. */
  readonly scram?: ScramVerifier;
  /** How many bytes of mail it may hold; absent: any. */
  readonly quota?: number;
  /** Mail for `name+folder@` goes into that folder, where it is there; absent: into INBOX. */
  readonly subFolders?: true;
  /** When it was made, in milliseconds since 1970; the first account has the least. */
  readonly createdAt: number;
  /** An account of that name was removed then: what had been accepted by that time was meant for its owner. */
  readonly formerUntil?: number;
}

/** What a new account is made of. Without password and hash nobody can log in. */
export interface NewAccount {
  /** Its address, canonical (see `mail/envelope.ts`). */
  readonly address: Mailbox;
  /** The password, in clear; wins over the hash. */
  readonly password?: string | undefined;
  /** The password's hash, a PHC string. */
  readonly passwordHash?: string | undefined;
  /** Whose it is. */
  readonly name?: string | undefined;
  /** How many bytes of mail it may hold. */
  readonly quota?: number | undefined;
  /** Mail for `name+folder@` goes into that folder, where it is there. */
  readonly subFolders?: boolean | undefined;
}

/** What may change of an account; null takes it away. */
export interface AccountChange {
  /** Whose it is. */
  readonly name?: string | null | undefined;
  /** How many bytes of mail it may hold. */
  readonly quota?: number | null | undefined;
  /** Mail for `name+folder@` goes into that folder, where it is there. */
  readonly subFolders?: boolean | undefined;
}
