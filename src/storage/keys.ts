/**
 * The keys of everything in the store: each key and each list selector is made here and nowhere else, but for those of
 * mailboxes, which are in a file of their own. To be imported whole: `import * as keys` from it.
 */

export * from "./mail_keys.ts";

/** Where the format's version is kept: a number, see `format.ts`. */
export const format: Deno.KvKey = ["format"];

/** The newest Deno that had the store open: its version as bytes. */
export const formatWriter: Deno.KvKey = ["format", "deno"];

/** That a store of an older format is being brought over: that format's number. */
export const formatBefore: Deno.KvKey = ["format", "before"];

/** The last commit of one process on a shared store, by its number there: a `ChainLink`. See `commit_chain.ts`. */
export function commitChain(name: string): Deno.KvKey {
  return ["commit", name];
}

/** All of these keys. */
export const commitChains: Deno.KvListSelector = { prefix: ["commit"] };

/** That the row at `key` is over at `when` (milliseconds since 1970). See `expiry.ts`. */
export function expiry(when: number, key: Deno.KvKey): Deno.KvKey {
  return ["expiry", when, ...key];
}

/** The key of the row that an `expiry` key is about. */
export function expiringKey(expiry: Deno.KvKey): Deno.KvKey {
  return expiry.slice(2);
}

/** What is over at `when` (milliseconds since 1970), the oldest first. */
export function expiriesUntil(when: number): Deno.KvListSelector {
  // `true` sorts behind the first part of every key
  return { start: ["expiry"], end: ["expiry", when, true] };
}

/** Chunk `n` (from 0) of body `id`: bytes. */
export function body(id: string, n: number): Deno.KvKey {
  return ["body", id, n];
}

/** Is that the key of a chunk? */
export function isBody(key: Deno.KvKey): boolean {
  return key[0] === "body";
}

/** How many own the shared body `id`: a `Deno.KvU64`. */
export function bodyRefs(id: string): Deno.KvKey {
  return ["bodyrefs", id];
}

/** The mark of a body that no record owns (not yet, or no more): a `BodyMark`. */
export function bodyPending(id: string): Deno.KvKey {
  return ["bodypending", id];
}

/** All chunks of all bodies. */
export const bodies: Deno.KvListSelector = { prefix: ["body"] };

/** All chunks of the bodies from the id `first` to `last`. */
export function bodiesBetween(first: string, last: string): Deno.KvListSelector {
  return { start: ["body", first], end: ["body", last, true] };
}

/** Of all shared bodies, how many own them. */
export const bodiesRefs: Deno.KvListSelector = { prefix: ["bodyrefs"] };

/** All marks, by id. */
export const bodiesPending: Deno.KvListSelector = { prefix: ["bodypending"] };

/** That owners of the shared body `id` went, perhaps the last ones: a `Deno.KvU64`, changed by sums. */
export function bodyRecount(id: string, chunks: number): Deno.KvKey {
  return ["bodyrecount", id, chunks];
}

/** All bodies whose owners are to be counted again, by id. */
export const bodiesRecount: Deno.KvListSelector = { prefix: ["bodyrecount"] };

/** The queue's record for one next hop of message `id`: a `QueueRecord`. */
export function queueItem(id: string, part: number): Deno.KvKey {
  return ["q", "item", id, part];
}

/** The message and part of the record whose key that is; undefined for other keys. */
export function queuePlace(key: Deno.KvKey): { id: string; part: number } | undefined {
  return key[0] === "q" && key[1] === "item" ? { id: key[2] as string, part: key[3] as number } : undefined;
}

/** All records of message `id`, by part. */
export function queueItems(id: string): Deno.KvListSelector {
  return { prefix: ["q", "item", id] };
}

/** All records of all messages, oldest message first. */
export const queueItemsAll: Deno.KvListSelector = { prefix: ["q", "item"] };

/** The records of the messages behind `id`, oldest message first. */
export function queueItemsAfter(id: string): Deno.KvListSelector {
  return { start: ["q", "item", id, true], end: ["q", "item", true] };
}

/** The records from that one on, oldest message first. */
export function queueItemsFrom(id: string, part: number): Deno.KvListSelector {
  return { start: ["q", "item", id, part], end: ["q", "item", true] };
}

/** The records of the messages from the id `first` to `last`, oldest message first. */
export function queueItemsBetween(first: string, last: string): Deno.KvListSelector {
  return { start: ["q", "item", first], end: ["q", "item", last, true] };
}

/** When a record is due, or when the lease on it ends: `when` in milliseconds since 1970. */
export function queueDue(when: number, id: string, part: number): Deno.KvKey {
  return ["q", "due", when, id, part];
}

/** All due keys, soonest first. */
export const queueDueAll: Deno.KvListSelector = { prefix: ["q", "due"] };

/** The due keys up to and with `when` (milliseconds since 1970), soonest first. */
export function queueDueUntil(when: number): Deno.KvListSelector {
  // `true` sorts behind every string, so behind every id of that instant
  return { start: ["q", "due"], end: ["q", "due", when, true] };
}

/** The due keys after `when` (milliseconds since 1970), soonest first. */
export function queueDueAfter(when: number): Deno.KvListSelector {
  return { start: ["q", "due", when, true], end: ["q", "due", true] };
}

/** The due keys from that one on, up to and with `until` (milliseconds since 1970), soonest first. */
export function queueDueBetween(
  from: { readonly when: number; readonly id: string; readonly part: number },
  until: number,
): Deno.KvListSelector {
  return { start: queueDue(from.when, from.id, from.part), end: ["q", "due", until, true] };
}

/** That the sender of message `id` was warned of the delay. */
export function queueWarned(id: string): Deno.KvKey {
  return ["q", "warned", id];
}

/** That message `id` came by an import of a queue: how many of its records are written. */
export function queueImported(id: string): Deno.KvKey {
  return ["q", "imported", id];
}

/** That the tally of the queue is kept whole: a `TallyHead`. See `queue/kept_tally.ts`. */
export const queueTally: Deno.KvKey = ["q", "tally"];

/** A row of it: a `TallyRow`. */
export function queueTallyRow(n: number): Deno.KvKey {
  return ["q", "tally", n];
}

/** Its rows from the nth on. */
export function queueTallyRows(from = 0): Deno.KvListSelector {
  return { start: queueTallyRow(from), end: ["q", "tally", true] };
}

/** What servers on a shared store watch to hear of new work: a `Notice`. See `shared_waker.ts`. */
export const queueWake: Deno.KvKey = ["q", "wake"];

/** That nothing is delivered to `domain` for now. */
export function suspension(domain: string): Deno.KvKey {
  return ["suspension", domain];
}

/** All suspensions, by domain. */
export const suspensions: Deno.KvListSelector = { prefix: ["suspension"] };

/** When servers on a shared store have used up what they may send to `destination`: a `UsedRate`. */
export function usedRate(destination: string): Deno.KvKey {
  return ["rate", destination];
}

/** One event in the life of message `id`: at `at` (milliseconds since 1970), the `n`th of that instant. */
export function historyEvent(id: string, at: number, n: number): Deno.KvKey {
  return ["life", id, at, n];
}

/** The same of a message that left soon after it came: it is removed by the time in its id. See `queue/history.ts`. */
export function historyEnd(id: string, at: number, n: number): Deno.KvKey {
  return ["left", id, at, n];
}

/** All of these of message `id`, first one first. */
export function historyEnds(id: string): Deno.KvListSelector {
  return { prefix: ["left", id] };
}

/** All of these of messages whose ids sort before `id`. */
export function historyEndsBefore(id: string): Deno.KvListSelector {
  return { start: ["left"], end: ["left", id] };
}

/** All events in the life of message `id`, first one first. */
export function historyEvents(id: string): Deno.KvListSelector {
  return { prefix: ["life", id] };
}

/** That message `id` was in the mailbox `address`, and was taken out of it: a `FormerMail`. */
export function formerMail(id: string, address: string): Deno.KvKey {
  return ["formermail", id, address];
}

/** All mailboxes that message `id` was taken out of. */
export function formerMails(id: string): Deno.KvListSelector {
  return { prefix: ["formermail", id] };
}

/** An account. `address` is the identity: `localKey(mailbox)`. */
export function account(address: string): Deno.KvKey {
  return ["account", address];
}

/** When the last account of that name was removed: milliseconds since 1970. */
export function formerAccount(address: string): Deno.KvKey {
  return ["formeraccount", address];
}

/** An app password of an account. `address` is `localKey(mailbox)`. */
export function appPassword(address: string, name: string): Deno.KvKey {
  return ["apppassword", address, name];
}

/** All app passwords of an account, by name. */
export function appPasswords(address: string): Deno.KvListSelector {
  return { prefix: ["apppassword", address] };
}

/** A change by API, page or command line, at that time: milliseconds since 1970. */
export function audit(at: number, name: string): Deno.KvKey {
  return ["audit", at, name];
}

/** All such changes, or those before one. */
export function auditBefore(place: readonly [number, string] | undefined): Deno.KvListSelector {
  return place === undefined ? { prefix: ["audit"] } : { prefix: ["audit"], end: ["audit", ...place] };
}

/** How often accounts changed on a shared store, whose servers watch it: a `Deno.KvU64`, changed by sums. */
export const accountsVersion: Deno.KvKey = ["version", "account"];

/** All accounts, by address. */
export const accounts: Deno.KvListSelector = { prefix: ["account"] };

/** An alias or list. `address` is the identity: `localKey(mailbox)`. */
export function alias(address: string): Deno.KvKey {
  return ["alias", address];
}

/** How often aliases changed on a shared store, whose servers watch it: a `Deno.KvU64`, changed by sums. */
export const aliasesVersion: Deno.KvKey = ["version", "alias"];

/** All aliases, by address. */
export const aliases: Deno.KvListSelector = { prefix: ["alias"] };

/** A session of the web page, by the hash of its cookie. */
export function session(hash: string): Deno.KvKey {
  return ["session", hash];
}

/** A secret the server made for itself: the admin token, a key. */
export function secret(name: string): Deno.KvKey {
  return ["secret", name];
}

/** A post to the webhook at `url` that waits until `when` (milliseconds since 1970): a `PendingPost`. */
export function webhookDue(url: string, when: number, id: string): Deno.KvKey {
  return ["hook", "due", url, when, id];
}

/** All posts that wait for that webhook, soonest first. */
export function webhooksDue(url: string): Deno.KvListSelector {
  return { prefix: ["hook", "due", url] };
}

/** A post that was given up: a `DeadPost`. */
export function webhookDead(id: string): Deno.KvKey {
  return ["hook", "dead", id];
}

/** All posts that were given up, by id. */
export const webhooksDead: Deno.KvListSelector = { prefix: ["hook", "dead"] };

/**
 * A captured message: part 0 is a `CapturedRecord`, those behind it have further recipients; under a mailbox's address,
 * one that was delivered there alone.
 */
export function captured(id: string, part: number | string): Deno.KvKey {
  return ["captured", id, part];
}

/** All captured messages, oldest first. */
export const capturedAll: Deno.KvListSelector = { prefix: ["captured"] };

/** That nothing is sent to an address: a `Suppression`. */
export function suppression(address: string): Deno.KvKey {
  return ["suppression", "address", address];
}

/** All suppressions. */
export const suppressions: Deno.KvListSelector = { prefix: ["suppression", "address"] };

/** How many messages to an address came back: a `BounceCount`. */
export function bounceCount(address: string): Deno.KvKey {
  return ["suppression", "count", address];
}

/** All of these counts. */
export const bounceCounts: Deno.KvListSelector = { prefix: ["suppression", "count"] };

/** That a client's network came with that sender for that recipient: a `GreyTriplet`. */
export function greyTriplet(network: string, sender: string, recipient: string): Deno.KvKey {
  return ["grey", "triplet", network, sender, recipient];
}

/** How often a client's network came again: a `GreyClient`. */
export function greyClient(network: string): Deno.KvKey {
  return ["grey", "client", network];
}

/** The TLS sessions of a day (`2026-01-05`, of UTC) with the hosts of a domain: a `DomainDay`. */
export function tlsSessions(day: string, domain: string): Deno.KvKey {
  return ["tlssessions", day, domain];
}

/** Those of the days before one. */
export function tlsSessionsBefore(day: string): Deno.KvListSelector {
  return { start: ["tlssessions"], end: ["tlssessions", day] };
}

/** What was counted of mail in a domain's name on a day (`2026-01-05`, of UTC): a `DmarcRow`. */
export function dmarcRow(day: string, domain: string, digest: string): Deno.KvKey {
  return ["dmarcrow", day, domain, digest];
}

/** Those of the days before one. */
export function dmarcRowsBefore(day: string): Deno.KvListSelector {
  return { start: ["dmarcrow"], end: ["dmarcrow", day] };
}

/** A report of others about one of our domains: a `KeptReport`. */
export function receivedReport(
  of: Readonly<Record<"kind" | "domain" | "reporter" | "id", string>> & { readonly begin: number },
): Deno.KvKey {
  return ["report", of.kind, of.domain, of.begin, of.reporter, of.id];
}

/** Those of one kind about one of our domains, by time. */
export function receivedReports(kind: string, domain: string): Deno.KvListSelector {
  return { prefix: ["report", kind, domain] };
}

/** The MTA-STS policy of another domain: a `KnownPolicy`. */
export function stsPolicy(domain: string): Deno.KvKey {
  return ["stspolicy", domain];
}
