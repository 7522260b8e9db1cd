/**
 * The rewriting of senders of what is forwarded (SRS): the next server asks SPF about our domain, and what comes back
 * comes to us, who know by it whose it is. As libsrs2 writes them, `SRS0=hash=day=domain=local@ours`.
 */

import { createHmac } from "node:crypto";
import { encode, equalInConstantTime } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { splitMailbox } from "./address.ts";
import { normalizeDomain } from "./domain.ts";
import type { Mailbox } from "./envelope.ts";

/** What an {@linkcode Srs} works with. */
export interface SrsOptions {
  /** Nobody else has it: who knows it may send mail over us. */
  readonly key: Uint8Array;
  /** Ours, for the addresses that are made. */
  readonly domain: string;
  readonly clock: Clock;
  /** Called for each sender that is rewritten. */
  readonly onForward?: () => void;
}

const DAY = 24 * 3600_000;
/** Others may write local parts in lower case: none of the digits means anything else then. */
const DIGITS = "abcdefghijklmnopqrstuvwxyz234567";
/** Days are counted modulo this, two digits. */
const DAYS = 1024;
/** Reports come within days; nobody guesses a hash in the time that is left. */
const VALID_DAYS = 21;
const HASH_DIGITS = 8;
/** The longest path without its angle brackets (RFC 5321 4.5.3.1.3). */
const MAX_ADDRESS = 254;
const PLAIN_LOCAL = /^[\x21\x23-\x7e]+$/;
const SRS0 = /^srs0([=+-])([a-z2-7]{8})=([a-z2-7]{2})=([^=]+)=(.+)$/i;
const SRS1 = /^srs1[=+-]([a-z2-7]{8})=([^=]+)=(.+)$/i;
/** Of any forwarder: what follows its SRS0. */
const ANY_SRS0 = /^srs0([=+-].+)$/i;
const ANY_SRS1 = /^srs1[=+-][^=]+=([^=]+)=([=+-].+)$/i;

/** Makes and reads such senders. */
export class Srs {
  readonly #options: SrsOptions;

  constructor(options: SrsOptions) {
    this.#options = options;
  }

  /** The sender for a copy that goes on; undefined where it can't be rewritten. */
  forward(sender: Mailbox): Mailbox | undefined {
    const { local, domain } = splitMailbox(sender);
    if (!PLAIN_LOCAL.test(local) || normalizeDomain(domain) !== domain) return undefined;
    const made = `${this.#local(local, domain)}@${this.#options.domain}`;
    if (made.length > MAX_ADDRESS) return undefined;
    this.#options.onForward?.();
    return made;
  }

  /** The sender that such an address of ours stands for; undefined when it is none, or its time is over. */
  reverse(address: Mailbox): Mailbox | undefined {
    const { local } = splitMailbox(address);
    const [, , hash, day, domain, own] = SRS0.exec(local) ?? [];
    if (hash !== undefined) {
      const isOurs = this.#fits(hash, `${day}=${domain}=${own}`) && this.#isRecent(day!);
      return isOurs ? `${own}@${domain}` : undefined;
    }
    const [, guard, first, rest] = SRS1.exec(local) ?? [];
    if (guard === undefined || !this.#fits(guard, `${first}=${rest}`)) return undefined;
    return `SRS0${rest}@${first}`;
  }

  #local(local: string, domain: string): string {
    // another forwarder's address is not wrapped again: what comes back goes to the first of them
    const again = ANY_SRS1.exec(local);
    const first = again ? `${again[1]}=${again[2]}` : undefined;
    const once = ANY_SRS0.exec(local);
    const guarded = first ?? (once && `${domain}=${once[1]}`);
    if (guarded) return `SRS1=${this.#hash(guarded)}=${guarded}`;
    const signed = `${this.#day()}=${domain}=${local}`;
    return `SRS0=${this.#hash(signed)}=${signed}`;
  }

  #today(): number {
    return Math.floor(this.#options.clock.now() / DAY) % DAYS;
  }

  #day(): string {
    const today = this.#today();
    return DIGITS[today >> 5]! + DIGITS[today & 31]!;
  }

  #isRecent(day: string): boolean {
    const [high, low] = [...day.toLowerCase()].map((digit) => DIGITS.indexOf(digit));
    return (this.#today() - (high! * 32 + low!) + DAYS) % DAYS <= VALID_DAYS;
  }

  #fits(hash: string, signed: string): boolean {
    return equalInConstantTime(encode(hash.toLowerCase()), encode(this.#hash(signed)));
  }

  #hash(signed: string): string {
    const digest = createHmac("sha256", this.#options.key).update(signed.toLowerCase()).digest();
    return Array.from(digest.subarray(0, HASH_DIGITS), (octet) => DIGITS[octet & 31]).join("");
  }
}
