/** The checks of one message from a stranger: SPF, DKIM, DMARC, ARC and the client's name, while it comes in. */

import type { Clock } from "../base/clock.ts";
import type { Semaphore } from "../base/semaphore.ts";
import type { Resolver } from "../dns/resolver.ts";
import { addressDomains } from "../mail/address_list.ts";
import { normalizeDomain } from "../mail/domain.ts";
import { parseFields } from "../mail/header.ts";
import { ArcVerifier } from "./arc_verifier.ts";
import { resultsField } from "./authentication_results.ts";
import { type CheckPolicies, type CheckRefusal, refusalOf } from "./check_refusal.ts";
import { type CheckResults, methodResults, wordsOf } from "./check_results.ts";
import { BoundedResolver } from "./bounded_resolver.ts";
import { BodyHasher } from "./dkim_body.ts";
import { rawFields } from "./dkim_header.ts";
import type { DkimResult } from "./dkim_result.ts";
import { DkimVerifier } from "./dkim_verifier.ts";
import { checkDmarc, type DmarcVerdict } from "./dmarc.ts";
import { DmarcWalker } from "./dmarc_walk.ts";
import { checkIprev, type IprevVerdict } from "./iprev.ts";
import { checkSpf, type SpfRequest, type SpfVerdict } from "./spf.ts";

export type { CheckPolicies } from "./check_refusal.ts";

/** What came of a message. */
export interface CheckOutcome {
  readonly results: CheckResults;
  /** A word for each check: `{spf: "pass"}`; of several signatures the best. */
  readonly words: Readonly<Record<string, string>>;
  /** The Authentication-Results field with its CRLF. */
  readonly field: string;
  readonly refusal?: CheckRefusal;
}

/** What the checks work with. */
export interface MessageCheckOptions {
  readonly resolver: Resolver;
  readonly clock: Clock;
  /** Our name, under which the results are told. */
  readonly hostname: string;
  readonly policies: CheckPolicies;
  /** For the questions that the checks of all messages have at once; without it they are not bounded. */
  readonly places?: Semaphore;
}

/** A complete text waits so long for answers of the DNS where nobody is refused, and where somebody may be: milliseconds. */
const MARK_MS = 2000;
const ENFORCE_MS = 30_000;

/** Checks one message: made when its envelope is known, which starts the first look-ups. */
export class MessageCheck {
  readonly #options: MessageCheckOptions;
  readonly #resolver: BoundedResolver;
  readonly #client: SpfRequest;
  readonly #hasher = new BodyHasher();
  readonly #walker: DmarcWalker;
  readonly #iprev: Promise<IprevVerdict>;
  readonly #spf: Promise<SpfVerdict> | undefined;
  #dkim: DkimVerifier | undefined;
  #arc: ArcVerifier | undefined;
  #from: readonly string[] = [];

  constructor(client: Omit<SpfRequest, "receiver">, options: MessageCheckOptions) {
    const { hostname, clock } = options;
    const resolver = this.#resolver = new BoundedResolver(options.resolver, options.places);
    this.#options = options;
    this.#client = { ...client, receiver: hostname };
    this.#walker = new DmarcWalker(resolver);
    this.#iprev = checkIprev(client.ip, resolver);
    if (this.#needs("spf")) this.#spf = checkSpf(this.#client, { resolver, clock });
  }

  /** Takes the header section as it came, with its blank line, before the body: its look-ups begin. */
  header(section: Uint8Array): void {
    const { clock, policies } = this.#options;
    const fields = rawFields(section);
    const tools = { resolver: this.#resolver, clock, hasher: this.#hasher };
    if (this.#needs("dkim")) this.#dkim = new DkimVerifier(fields, tools);
    if (policies.arc !== "off") this.#arc = new ArcVerifier(fields, tools);
    if (policies.dmarc === "off") return;
    this.#from = authorDomains(section);
    // most often that is the record: asked for now, it is here when the text is
    const [author] = this.#from;
    if (author !== undefined && this.#from.length === 1) void this.#walker.record(author);
  }

  /** Takes a piece of the body; it may be used again when this returns. */
  body(piece: Uint8Array): void {
    this.#hasher.write(piece);
  }

  /** The message is complete; once `ending` is aborted no answer of the DNS is waited for. Never rejects. */
  async finish(ending?: AbortSignal): Promise<CheckOutcome> {
    this.#hasher.end();
    const { policies, clock } = this.#options;
    const mayRefuse = Object.values(policies).includes("enforce");
    const timer = this.#resolver.endIn(mayRefuse ? ENFORCE_MS : MARK_MS, clock, ending);
    try {
      return await this.#outcome();
    } finally {
      timer.cancel();
    }
  }

  async #outcome(): Promise<CheckOutcome> {
    const [iprev, spf, dkim, arc] = await Promise.all([
      this.#iprev,
      this.#spf,
      this.#dkim?.results() ?? [],
      this.#arc?.result(),
    ]);
    const { policies, hostname } = this.#options;
    const dmarc = policies.dmarc === "off" ? undefined : await this.#dmarc(spf!, dkim);
    const results: CheckResults = {
      iprev,
      ...(spf && policies.spf !== "off" && { spf }),
      ...(policies.dkim !== "off" && { dkim }),
      ...(arc && { arc }),
      ...(dmarc && { dmarc }),
    };
    const refusal = refusalOf(results, policies, this.#client);
    const told = methodResults(results);
    return {
      results,
      words: wordsOf(told),
      field: resultsField(hostname, told),
      ...(refusal && { refusal }),
    };
  }

  #dmarc(spf: SpfVerdict, dkim: readonly DkimResult[]): Promise<DmarcVerdict> {
    const signers = dkim.flatMap(({ domain, result, testing }) =>
      domain === undefined || testing ? [] : [{ domain, result }]
    );
    return checkDmarc({ from: this.#from, spf, dkim: signers }, this.#resolver, this.#walker);
  }

  /** DMARC stands on the other two, whether their results are told or not. */
  #needs(check: "spf" | "dkim"): boolean {
    const { policies } = this.#options;
    return policies[check] !== "off" || policies.dmarc !== "off";
  }
}

/** The domains of all From fields, canonical; what is no domain is left out. */
function authorDomains(section: Uint8Array): string[] {
  const fields = parseFields(section).filter(({ name }) => name.toLowerCase() === "from");
  return fields.flatMap(({ value }) => addressDomains(value)).map(normalizeDomain).filter((it) =>
    it !== undefined
  );
}
