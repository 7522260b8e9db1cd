/** Findings of a check of the store. */

/** A change that mends a fault. */
export type Repair = readonly Deno.KvMutation[];

/** Tells a fault; `repair` mends it, when there is a way. */
export type ReportFinding = (fault: { where: string; what: string }, repair?: Repair) => Promise<void>;
