/** The health of name resolution: whether most questions of the last ten minutes were answered. */

import type { Clock, Timer } from "../base/clock.ts";
import type { Health } from "../observe/health.ts";
import { RecentOutcomes } from "../observe/recent.ts";
import type { DnsResult, MxRecord, Resolver, TlsaRecord } from "./resolver.ts";

/** Fewer names without an answer may be the fault of those who have them. */
const LEAST_NAMES = 3;
/** After a failure is looked so late; and again so often while something is wrong. */
const LOOK_MS = 1000;
const LOOK_AGAIN_MS = 30_000;

/** A resolver that tells health how another one does. */
export class WatchedResolver implements Resolver {
  readonly #resolver: Resolver;
  readonly #health: Health;
  readonly #clock: Clock;
  readonly #answers: RecentOutcomes;
  #why = "";
  #timer: Timer | undefined;
  #closed = false;

  /** Asks `resolver`. */
  constructor(resolver: Resolver, options: { health: Health; clock: Clock }) {
    this.#resolver = resolver;
    this.#health = options.health;
    this.#clock = options.clock;
    this.#answers = new RecentOutcomes(options.clock, LEAST_NAMES);
    options.health.beforeTold(() => this.#look());
  }

  mx(domain: string): Promise<DnsResult<MxRecord>> {
    return this.#watched(domain, this.#resolver.mx(domain));
  }

  addresses(host: string, family: 4 | 6): Promise<DnsResult<string>> {
    return this.#watched(host, this.#resolver.addresses(host, family));
  }

  txt(name: string): Promise<DnsResult<string>> {
    return this.#watched(name, this.#resolver.txt(name));
  }

  ptr(ip: string): Promise<DnsResult<string>> {
    return this.#watched(ip, this.#resolver.ptr(ip));
  }

  srv(name: string): Promise<DnsResult<string>> {
    return this.#watched(name, this.#resolver.srv(name));
  }

  tlsa(name: string): Promise<DnsResult<TlsaRecord>> {
    return this.#watched(name, this.#resolver.tlsa(name));
  }

  alias(name: string): Promise<DnsResult<string>> {
    return this.#watched(name, this.#resolver.alias(name));
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#resolver.close();
  }

  async #watched<T>(name: string, question: Promise<DnsResult<T>>): Promise<DnsResult<T>> {
    const result = await question;
    if (result.kind !== "temporaryFailure") this.#answers.good();
    else if (!this.#closed) {
      this.#answers.bad(name);
      this.#why = result.why;
      this.#timer ??= this.#clock.schedule(LOOK_MS, () => this.#lookAgain());
    }
    return result;
  }

  #lookAgain(): void {
    this.#timer = undefined;
    if (this.#look()) this.#timer = this.#clock.schedule(LOOK_AGAIN_MS, () => this.#lookAgain());
  }

  /** Says whether the resolver fails; true when it does. */
  #look(): boolean {
    const { all, bad, mostBad } = this.#answers.count();
    const share = bad === all ? `none of ${all} questions` : `only ${all - bad} of ${all} questions`;
    this.#health.set(
      "dns",
      mostBad
        ? `The DNS fails: ${share} of the last ten minutes ${
          bad === all ? "was" : "were"
        } answered; the last error: ${this.#why}`
        : undefined,
    );
    return mostBad;
  }
}
