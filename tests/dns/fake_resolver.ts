/** A resolver whose answers are data. */

import type { DnsResult, MxRecord, Resolver } from "../../src/dns/resolver.ts";

/** What the fake knows of a name; a text is the reason of a temporary failure; what is absent is "none". */
export interface FakeName {
  mx?: [number, string][] | string;
  a?: string[] | string;
  aaaa?: string[] | string;
  txt?: string[] | string;
  ptr?: string[] | string;
}

/** Answers from data; names that aren't in it don't exist. */
export class FakeResolver implements Resolver {
  /** All questions, as `MX name`. */
  readonly questions: string[] = [];

  constructor(private readonly names: Record<string, FakeName>) {}

  mx(domain: string): Promise<DnsResult<MxRecord>> {
    const mx = this.#ask("MX", domain)?.mx;
    const records = typeof mx === "string"
      ? mx
      : mx?.map(([preference, exchange]) => ({ preference, exchange }));
    return Promise.resolve(this.#answer(domain, records));
  }

  addresses(host: string, family: 4 | 6): Promise<DnsResult<string>> {
    const name = this.#ask(family === 4 ? "A" : "AAAA", host);
    return Promise.resolve(this.#answer(host, family === 4 ? name?.a : name?.aaaa));
  }

  txt(name: string): Promise<DnsResult<string>> {
    return Promise.resolve(this.#answer(name, this.#ask("TXT", name)?.txt));
  }

  ptr(ip: string): Promise<DnsResult<string>> {
    return Promise.resolve(this.#answer(ip, this.#ask("PTR", ip)?.ptr));
  }

  srv(): never {
    throw new Error("Not asked here");
  }

  tlsa(): never {
    throw new Error("Not asked here");
  }

  alias(): never {
    throw new Error("Not asked here");
  }

  close(): void {}

  #ask(type: string, name: string): FakeName | undefined {
    this.questions.push(`${type} ${name}`);
    return Object.hasOwn(this.names, name) ? this.names[name] : undefined;
  }

  #answer<T>(name: string, records: T[] | string | undefined): DnsResult<T> {
    if (!Object.hasOwn(this.names, name)) return { kind: "nxdomain" };
    if (typeof records === "string") return { kind: "temporaryFailure", why: records };
    return records && records.length > 0 ? { kind: "found", records } : { kind: "none" };
  }
}
