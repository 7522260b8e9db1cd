/** What a delivery queue works with. */

import type { Clock } from "../base/clock.ts";
import type { IdMaker } from "../base/ids.ts";
import type { DeliveryAgent } from "../delivery/delivery.ts";
import type { Accounts } from "../auth/accounts.ts";
import type { MailStore } from "../mailbox/mail_store.ts";
import type { Quotas } from "../mailbox/quotas.ts";
import type { Journal } from "../observe/journal.ts";
import type { Router } from "../recipients/router.ts";
import type { Store } from "../storage/store.ts";
import type { MessageSigner } from "./signatures.ts";
import type { DestinationRate } from "./rate_limit.ts";
import type { Schedule } from "./schedule.ts";
import type { Suppressions } from "./suppressions.ts";
import type { Suspensions } from "./suspensions.ts";
import type { TallyOptions } from "./tally.ts";
import type { NewWork, Waker } from "./waker.ts";

/** What a {@linkcode DeliveryQueue} works with. */
export interface DeliveryQueueOptions {
  /** Where it is kept. */
  readonly store: Store;
  /** Time. */
  readonly clock: Clock;
  /** Names the reports. */
  readonly ids: IdMaker;
  /** Logs what happens. */
  readonly journal: Journal;
  /** Tells who is here. */
  readonly router: Router;
  /** Whose mailboxes are here. */
  readonly accounts: Accounts;
  /** The mailboxes. */
  readonly mailStore: MailStore;
  /** Room in mailboxes. */
  readonly quotas: Quotas;
  /** Delivers to other hosts. */
  readonly agent: DeliveryAgent;
  /** Signs what goes to other hosts. */
  readonly signer?: MessageSigner | undefined;
  /** Our name, for reports. */
  readonly hostname: string;
  /** When to try again, to warn, to give up. */
  readonly schedule: Schedule;
  /** Deliveries at once, in all; 0: remote delivery pauses. */
  readonly concurrency: number;
  /** Deliveries at once to one destination. */
  readonly perDestination: (destination: string) => number;
  /** Messages in a span of time for one destination; undefined: without a bound. */
  readonly rateOf?: (destination: string) => DestinationRate | undefined;
  /** The next hop that records share: their domain, or one smart host for all. */
  readonly destinationOf: (record: { readonly domain: string }) => string;
  /** Says when a domain joins the destination of another one, see {@linkcode destinationOf}; absent: none does. */
  readonly onJoin?: ((listener: (domain: string, destination: string) => void) => void) | undefined;
  /** How long the history of a message is kept after it left: milliseconds. */
  readonly historyMs: number;
  /** Destinations that get nothing for now. */
  readonly suspensions?: Suspensions | undefined;
  /** Addresses that nothing is sent to. */
  readonly suppressions?: Suppressions | undefined;
  /** Makes the alarm clock of the retries. */
  readonly waker: (wake: (work?: NewWork) => void) => Waker;
  /** Says to the other servers of a shared store that there may be work for them. */
  readonly notifyPeers?: ((work: NewWork) => void) | undefined;
  /**
   * What the run before has kept of the queue's numbers, and from how many messages on they are kept.
   * @internal
   */
  readonly tally?: TallyOptions | undefined;
  /** How long a lease lasts, in milliseconds; default: two minutes. */
  readonly leaseMs?: number | undefined;
}
