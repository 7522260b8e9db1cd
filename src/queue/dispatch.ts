/** The dispatch of a claim: into a mailbox here, to another server, or as a split into records that go one way each. */

import { allOf, type Awaitable } from "../base/awaitable.ts";
import { sentContent } from "../authentication/dkim_outgoing.ts";
import type { DeliveryAgent } from "../delivery/delivery.ts";
import { Dialogue, linesTo, summaryLine, traceLine } from "../delivery/transcript.ts";
import { localReason, type Outcome } from "../mail/outcome.ts";
import type { Transcripts } from "../observe/transcripts.ts";
import { readBody } from "../storage/bodies/bodies.ts";
import type { Store } from "../storage/store.ts";
import type { ContentCache } from "./content_cache.ts";
import type { Leases } from "./leases.ts";
import { deliverToMailbox, isForHere } from "./local_delivery.ts";
import type { Claim } from "./queue_store.ts";
import type { QueueRecord } from "./record.ts";
import type { DeliveryResult } from "./result.ts";
import type { Signatures } from "./signatures.ts";
import { needsSplit, split, type SplitOptions } from "./split.ts";
import type { Suppression, Suppressions } from "./suppressions.ts";
import { deferSuspended, type Suspension, type Suspensions } from "./suspensions.ts";

/** What a {@linkcode Dispatcher} works with. */
export interface DispatchOptions extends SplitOptions {
  readonly store: Store;
  readonly leases: Leases;
  /** Delivers to other servers. */
  readonly agent: DeliveryAgent;
  readonly signatures: Signatures;
  /** Destinations that get nothing for now. */
  readonly suspensions?: Suspensions | undefined;
  /** Addresses that nothing is sent to. */
  readonly suppressions?: Suppressions | undefined;
  /** Small messages that are still in memory. */
  readonly contents: ContentCache;
  readonly transcripts: Transcripts;
}

/** Delivers claims. */
export class Dispatcher {
  constructor(private readonly options: DispatchOptions) {}

  /**
   * Makes one attempt. Never rejects: what fails here is a deferral. `next`: begins another one for the same destination,
   * which goes behind the end of this one; answers whether there is one.
   */
  async dispatch(claim: Claim, next?: () => boolean): Promise<DeliveryResult> {
    const { record } = claim;
    const { router, suspensions } = this.options;
    try {
      if (await needsSplit(record, this.options)) return await split(record, this.options);
      if (isForHere(record, router)) return await deliverToMailbox(record, this.options);
      // asked for together: on a shared store they go in one request
      const [suspension, suppressed] = await allOf<
        [Suspension | undefined, readonly (Suppression | undefined)[]]
      >([suspensions?.find(record.domain), this.#suppressed(record)]);
      if (suspension) return { outcomes: deferSuspended(record, suspension) };
      return await this.#deliverUnlessSuppressed(claim, suppressed, next);
    } catch (error) {
      const text = `The attempt failed here: ${error instanceof Error ? error.message : String(error)}`;
      const outcome = { kind: "deferred", status: "4.3.0", text } as const;
      return {
        outcomes: record.recipients.map(({ address }) => ({ recipient: address, outcome, durationMs: 0 })),
      };
    }
  }

  /** What another record's failure to connect means for one that waited behind it for the same hosts: it isn't tried. */
  putOff({ record }: Claim, failure: Outcome): DeliveryResult {
    this.options.contents.take(record); // nobody sends it now
    const transcript = this.options.transcripts.open(record.id);
    const outcome = {
      ...failure,
      note: "Not tried, since another message failed a moment ago",
    };
    const { host, address } = outcome;
    const dialogue = new Dialogue();
    transcript.subscribe(linesTo((line) => dialogue.add(line), traceLine));
    if (host !== undefined && address !== undefined) {
      transcript.emit({ kind: "host", host, address, text: localReason(outcome) });
    }
    for (const recipient of record.recipients) {
      transcript.emit({ kind: "step", text: summaryLine(recipient.address, outcome) });
    }
    const { lines } = dialogue;
    return {
      outcomes: record.recipients.map(({ address }) => ({
        recipient: address,
        outcome,
        durationMs: 0,
        ...(lines.length > 0 && { dialogue: lines }),
      })),
    };
  }

  /** Which recipients get nothing, by their place. What somebody releases goes out whatever came back before. */
  #suppressed({ recipients, source }: QueueRecord): Awaitable<readonly (Suppression | undefined)[]> {
    const { suppressions } = this.options;
    if (!suppressions || source === "release") return [];
    return allOf<(Suppression | undefined)[]>(recipients.map(({ address }) => suppressions.find(address)));
  }

  #deliverUnlessSuppressed(
    claim: Claim,
    found: readonly (Suppression | undefined)[],
    next: (() => boolean) | undefined,
  ): Promise<DeliveryResult> {
    const { recipients } = claim.record;
    const failures = found.map((one) => one && this.options.suppressions!.failureFor(one));
    if (!failures.some((failure) => failure)) return this.#deliverElsewhere(claim, recipients, next);
    const suppressed = recipients.flatMap(({ address }, i) =>
      failures[i] ? [{ recipient: address, outcome: failures[i], durationMs: 0 }] : []
    );
    const others = recipients.filter((_, i) => !failures[i]);
    if (others.length === 0) return Promise.resolve({ outcomes: suppressed });
    return this.#deliverElsewhere(claim, others, next).then((result) => ({
      ...result,
      outcomes: [...result.outcomes, ...suppressed],
    }));
  }

  async #deliverElsewhere(
    claim: Claim,
    recipients: QueueRecord["recipients"],
    next: (() => boolean) | undefined,
  ): Promise<DeliveryResult> {
    const { record } = claim;
    const { agent, store, leases, contents, transcripts, signatures } = this.options;
    const cached = contents.take(record);
    const content = { size: record.body.size, text: () => cached ?? readBody(store.kv, record.body) };
    const signed = await signatures.of(record, content);
    const outcomes = await agent.deliver({
      id: record.id,
      sender: record.sender,
      recipients,
      domain: record.domain,
      ...(signed ? { ...await sentContent(content, signed), unsigned: content } : content),
      parameters: record,
      ...(record.source === "release" && { asIs: true }),
      stillOurs: () => leases.isSurelyOurs(claim),
      transcript: transcripts.open(record.id),
      ...(next && { next }),
      ...((record.forceRetry ?? record.asked) && { ignoreHostCache: true }),
    });
    return { outcomes, ...(signed && { signed }) };
  }
}
