/** Findings of a check of the store. */

/** A change that mends a fault. */
export type Repair = readonly Deno.KvMutation[];

/** Reports a fault; `repair` mends it, where that can be done. */
export type ReportFinding = (fault: { where: string; what: string }, repair?: Repair) => Promise<void>;
