/** A resolver for one message, which waits for no answer any more once its time is over: mail comes in whatever the DNS does. */

import { onAbort } from "../base/abort.ts";
import type { Clock, Timer } from "../base/clock.ts";
import type { Semaphore } from "../base/semaphore.ts";
import type { DnsResult, MxRecord, Resolver } from "../dns/resolver.ts";

type Late = Extract<DnsResult<never>, { kind: "temporaryFailure" }>;
/** What the checks ask. */
export type CheckQuestions = Pick<Resolver, "mx" | "addresses" | "txt" | "ptr">;

/** Asks another resolver, whose late answers are still there for whoever asks next. */
export class BoundedResolver implements CheckQuestions {
  readonly #resolver: CheckQuestions;
  readonly #places: Semaphore | undefined;
  readonly #end = Promise.withResolvers<Late>();
  #late: Late | undefined;

  /** `places`: for the questions of all messages together. */
  constructor(resolver: CheckQuestions, places?: Semaphore) {
    this.#resolver = resolver;
    this.#places = places;
  }

  /**
   * From `ms` milliseconds on, or once `ending` is aborted, all that has no answer ends in a temporary failure; the timer
   * may be taken back.
   */
  endIn(ms: number, clock: Clock, ending?: AbortSignal): Timer {
    const end = (why: string) => {
      this.#late ??= { kind: "temporaryFailure", why };
      this.#end.resolve(this.#late);
    };
    const timer = clock.schedule(ms, () => end(`The DNS did not answer within ${ms / 1000} s`));
    const stop = () => end("This server stops and waits for no answer");
    const ignore = ending && onAbort(ending, stop);
    if (ending?.aborted) stop();
    return {
      cancel: () => {
        timer.cancel();
        ignore?.();
      },
    };
  }

  mx(domain: string): Promise<DnsResult<MxRecord>> {
    return this.#within(() => this.#resolver.mx(domain));
  }

  addresses(host: string, family: 4 | 6): Promise<DnsResult<string>> {
    return this.#within(() => this.#resolver.addresses(host, family));
  }

  txt(name: string): Promise<DnsResult<string>> {
    return this.#within(() => this.#resolver.txt(name));
  }

  ptr(ip: string): Promise<DnsResult<string>> {
    return this.#within(() => this.#resolver.ptr(ip));
  }

  #within<T>(ask: () => Promise<DnsResult<T>>): Promise<DnsResult<T>> {
    if (this.#late) return Promise.resolve(this.#late);
    // whose time is over while it waits for a place asks nothing
    const asked = this.#places
      ? this.#places.run<DnsResult<T>>(() => this.#late ? this.#end.promise : ask())
      : ask();
    return Promise.race([asked, this.#end.promise]);
  }
}
