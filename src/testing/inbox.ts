/** The inboxes of a host: what comes to an address, waited for as `GET /api/v1/wait` does. */

import { type Clock, systemClock } from "../base/clock.ts";
import { isId } from "../base/ids.ts";
import { parseDuration } from "../base/units.ts";
import { normalName } from "../mailbox/folder_names.ts";
import type { MailEntry } from "../mailbox/mail_entry.ts";
import { placeOf } from "../mailbox/mail_place.ts";
import { localKey, parseMailbox } from "../mail/address.ts";
import { type ReceivedMail, receivedMail } from "../api/mail_json.ts";
import { type FailedWait, waitEnd } from "../api/wait_end.ts";
import type { Since, Wanted } from "../api/wait_match.ts";
import { Waiting } from "../api/waiting.ts";
import type { MailServer } from "../mail_server.ts";
import { annotate } from "./annotation.ts";

/** Which mail is waited for; what is left out may be anything. */
export interface InboxQuery {
  /** A part of a recipient, of the envelope or the header. */
  readonly to?: string;
  /** A part of the sender, of the envelope or the header. */
  readonly from?: string;
  /** A part of the subject; capitals don't matter. */
  readonly subject?: string;
  /** Only in the folder of that name; without it in all. */
  readonly folder?: string;
  /** Only what came after that, by the host's clock: a time (ISO 8601, milliseconds since 1970) or the id of a message. */
  readonly since?: string | number | Date;
  /** Real time: `"10s"`, or milliseconds. Default `"30s"`, `"5m"` at most. */
  readonly timeout?: string | number;
  /** Waits for so many. 0: none may come within `for`. */
  readonly count?: number;
  /** With `count: 0`: how long none may come, such as `"300ms"`. */
  readonly for?: string | number;
}

/** What did come, in short. */
export interface ArrivedMail {
  /** Its id. */
  readonly uid: string;
  /** Whose it is. */
  readonly mailbox: string;
  /** Of the header. */
  readonly from: string;
  /** Of the header. */
  readonly to: string;
  /** The subject, decoded. */
  readonly subject: string;
  /** The name of the folder that it is in. */
  readonly folder: string;
}

/** A wait that failed; the message says what did arrive, and what was nearest. */
export class WaitError extends Error {
  /** `WaitError`. */
  override readonly name = "WaitError";

  /** `status` as of the API: 408 none came, 409 one came that none was to (`mail`), 503 the server stops. */
  constructor(
    message: string,
    readonly status: 408 | 409 | 503,
    readonly arrived: readonly ArrivedMail[],
    readonly nearest: ArrivedMail | undefined,
    readonly mail: ReceivedMail | undefined,
  ) {
    super(message);
  }
}

const MOST_MS = 300_000;
const MOST_MAILS = 1000;
const KEYS = new Set(["to", "from", "subject", "folder", "since", "timeout", "count", "for"]);
/** What waits on each server. */
const waits = new WeakMap<MailServer, Waiting>();

/** What comes to one address. */
export class Inbox {
  readonly #server: () => MailServer;

  /** Of that server, which may be another one after a restart. */
  constructor(
    /** The address. */
    readonly address: string,
    server: () => MailServer,
  ) {
    this.#server = server;
  }

  /** Waits for none: resolves when none came and none is under way. Throws a {@linkcode WaitError} as soon as one comes. */
  wait(query: InboxQuery & { readonly count: 0 }): Promise<void>;
  /** Waits for several. Throws a {@linkcode WaitError} when less come. */
  wait(query: InboxQuery & { readonly count: number }): Promise<{ items: ReceivedMail[] }>;
  /** Waits for the newest mail that fits; one that is there counts. Throws a {@linkcode WaitError} when none comes. */
  wait(query?: InboxQuery): Promise<ReceivedMail>;
  wait(query: InboxQuery = {}): Promise<ReceivedMail | { items: ReceivedMail[] } | void> {
    const waited = this.#wait(query);
    // a test begins to wait, sends, and only then looks what came of it
    waited.catch(() => {});
    return waited;
  }

  async #wait(query: InboxQuery): Promise<ReceivedMail | { items: ReceivedMail[] } | void> {
    const server = this.#server();
    const { closing, clock } = server.waiting;
    const waiting = waits.get(server) ?? new Waiting({ ...server.waiting, clock: realTime(clock) });
    waits.set(server, waiting);
    const terms = { ...termsOf(query), signal: new AbortController().signal, closing };
    const end = await waitEnd(waiting, wantedOf(this.address, query, waiting), terms);
    if (end.kind === "none") return;
    if (end.kind !== "mails") throw failure(end, this.address, query);
    if (query.count !== undefined) return { items: end.mails.map(receivedMail) };
    return receivedMail(end.mails[0]!);
  }
}

/** The time of day is the host's; waiting takes real time. */
function realTime(clock: Clock): Clock {
  return {
    now: () => clock.now(),
    monotonic: () => systemClock.monotonic(),
    schedule: (ms, fn) => systemClock.schedule(ms, fn),
  };
}

function wantedOf(
  address: string,
  { to, from, subject, folder, since }: InboxQuery,
  waiting: Waiting,
): Wanted {
  const mailbox = parseMailbox(address);
  if (mailbox === undefined) throw new TypeError(`inbox: received "${address}", expected an address`);
  return {
    mailbox: localKey(mailbox),
    to,
    from,
    subject,
    folder: folder === undefined ? undefined : normalName(folder),
    since: since === undefined ? undefined : sinceOf(since, waiting),
  };
}

function sinceOf(since: string | number | Date, waiting: Waiting): Since {
  if (typeof since === "string" && isId(since)) {
    return { id: since, number: waiting.arrivals.numberOf(since) };
  }
  const at = typeof since === "number" ? since : since instanceof Date ? since.getTime() : Date.parse(since);
  if (!Number.isNaN(at)) return { at };
  throw new TypeError(`since: received "${since}", expected a time or the id of a message`);
}

function termsOf(query: InboxQuery): { count?: number; timeout?: number; for?: number } {
  const { count, timeout, for: quiet } = query;
  for (const key of Object.keys(query)) {
    if (!KEYS.has(key)) throw new TypeError(`"${key}" is not known; known are ${[...KEYS].join(", ")}`);
  }
  if (count !== undefined && !(Number.isInteger(count) && count >= 0 && count <= MOST_MAILS)) {
    throw new TypeError(`count: received ${count}, expected a whole number, ${MOST_MAILS} at most`);
  }
  if (count === 0 && quiet === undefined) {
    throw new TypeError('for is missing: with count: 0 say for: "300ms"');
  }
  if (count !== 0 && quiet !== undefined) throw new TypeError("for goes with count: 0 only; use timeout");
  return {
    ...(count !== undefined && { count }),
    ...(timeout !== undefined && { timeout: durationOf(timeout, "timeout") }),
    ...(quiet !== undefined && { for: durationOf(quiet, "for") }),
  };
}

function durationOf(given: string | number, name: string): number {
  const ms = parseDuration(given);
  if (ms !== undefined && ms >= 0 && ms <= MOST_MS) return ms;
  throw new TypeError(`${name}: received "${given}", expected a duration such as "30s", "5m" at most`);
}

function failure(end: FailedWait, address: string, query: InboxQuery): WaitError {
  if (end.kind === "stopped") {
    return new WaitError("The server stops, or was taken down", 503, [], undefined, undefined);
  }
  const arrived = end.kind === "missed" ? end.arrived.map(shortOf) : [];
  const nearest = end.kind === "missed" && end.nearest ? shortOf(end.nearest) : undefined;
  const lines = [
    `${address}: ${end.text}`,
    `  asked: ${JSON.stringify(query)}`,
    ...arrived.map((mail) => `  arrived: ${told(mail)}`),
    ...(nearest ? [`  nearest: ${told(nearest)}`] : []),
  ];
  const message = lines.join("\n");
  annotate("Mail", message);
  if (end.kind === "missed") return new WaitError(message, 408, arrived, nearest, undefined);
  return new WaitError(message, 409, [], undefined, receivedMail(end.mail));
}

function shortOf(
  { entry, mailbox, from, to, subject }: {
    entry: MailEntry;
    mailbox: string;
    from: string;
    to: string;
    subject: string;
  },
): ArrivedMail {
  return { uid: entry.uid, mailbox, from, to, subject, folder: placeOf(entry).folder };
}

function told({ uid, mailbox, from, to, subject }: ArrivedMail): string {
  return `"${subject}" from ${from} to ${to} (${uid} in ${mailbox})`;
}
