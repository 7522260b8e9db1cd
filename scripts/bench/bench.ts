/** What the rows of the table are made of, and what they work with. */

import type { LoadWorker } from "./load.ts";

/** One line of the table. Fields that were not measured are left out. */
export interface Row {
  readonly what: string;
  /** The figure, with its unit in `unit`; undefined: it could not be measured, and `what` says why. */
  readonly value: number | undefined;
  readonly unit: string;
  readonly p50?: number;
  readonly p99?: number;
  /** CPU of the server per message, all its threads: milliseconds. */
  readonly cpu?: number;
  /** The most memory it had: MiB. */
  readonly peak?: number;
  /** The figure divided by Postfix's of the same run. */
  readonly ofPostfix?: number;
  /** The figure in percent of bare Deno's with KV commit groups, of the same run. */
  readonly ofBare?: number;
  /** What the figure should be. */
  readonly target?: string;
}

/** What the rows work with. */
export interface Bench {
  readonly load: LoadWorker;
  /** An empty folder, a new one for each call. */
  folder(): string;
  /** About how long one measurement lasts: seconds. */
  readonly seconds: number;
  /** Messages in the long queue. */
  readonly queue: number;
  /** Messages in the large mailbox. */
  readonly mailbox: number;
  /** Captured messages. */
  readonly captured: number;
  /** Messages in the mailbox that is searched. */
  readonly searched: number;
  tell(row: Row): void;
}
