/**
 * The acceptance of messages: the only place where this server takes responsibility for one that comes from outside
 * (RFC 5321 4.2.5, 6.1). Every way in, SMTP, LMTP or HTTP, is a thin adapter over it. Reports are no way in: they are
 * written in the commit that settles what they tell of, so the queue plans them itself (`queue/enqueue.ts`), with the
 * same expansion (`recipients/expand.ts`).
 */

import type { Clock } from "../base/clock.ts";
import type { IdMaker } from "../base/ids.ts";
import type { CapturedMail } from "../capture/captured_mail.ts";
import { needsUtf8 } from "../mail/address.ts";
import type { Envelope, Mailbox, SenderParameters } from "../mail/envelope.ts";
import { scanHeader } from "../mail/header.ts";
import type { Srs } from "../mail/srs.ts";
import { type ReceivedFacts, receivedField } from "../mail/trace.ts";
import type { Quotas } from "../mailbox/quotas.ts";
import type { AcceptedEvent, Journal } from "../observe/journal.ts";
import type { Transcripts } from "../observe/transcripts.ts";
import type { NewMessage } from "../queue/message.ts";
import type { DeliveryQueue } from "../queue/queue.ts";
import type { Source } from "../queue/record.ts";
import type { DeliveryTarget } from "../recipients/expand.ts";
import type { ReceivedReports } from "../reports/received_reports.ts";
import type { RoutedRecipient } from "../recipients/route.ts";
import type { Router } from "../recipients/router.ts";
import { type BodyDraft, BodyWriter } from "../storage/bodies/bodies.ts";
import { isDiskFull } from "../storage/storage_error.ts";
import type { Store } from "../storage/store.ts";
import type { Complaints } from "./complaints.ts";
import { fixHeader, type Trust } from "./header_fixups.ts";
import { signingDomain } from "./signing_domain.ts";
import { planTargets, type RecipientRefusal, type TargetPlan } from "./target_plan.ts";
import { UnderWay } from "./under_way.ts";

/** What an {@linkcode Acceptance} works with. */
export interface AcceptanceOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly ids: IdMaker;
  readonly journal: Journal;
  readonly queue: DeliveryQueue;
  /** Keeps all messages in place of the queue, which then has nothing to deliver. */
  readonly captured?: CapturedMail | undefined;
  readonly router: Router;
  readonly quotas: Quotas;
  readonly hostname: string;
  /** Reads complaints about messages of ours; absent: nobody does. */
  readonly complaints?: Complaints | undefined;
  /** Rewrites the senders of what goes on to others; absent: they stay. */
  readonly srs?: Srs | undefined;
  /** More Received fields than this are a loop. */
  readonly maxHops: number;
  /** Hears of mail that may be a report of others about our domains; absent: nobody reads them. */
  readonly reports?: Pick<ReceivedReports, "came"> | undefined;
  /** Is told what comes; absent: nobody asks. */
  readonly underWay?: UnderWay;
}

/** Where a message comes from. */
export interface Origin {
  readonly source: Exclude<Source, "report" | "notice">;
  readonly trust: Trust;
  /** What the Received field tells of the client. */
  readonly client: Pick<ReceivedFacts, "helo" | "remote" | "protocol" | "tls">;
  /** Who is logged in. */
  readonly account?: Mailbox | undefined;
  /** Who becomes From where that is missing. */
  readonly author?: Mailbox | undefined;
  /** The session, for the log. */
  readonly session?: string;
  /** The client's IP address, where there is one. */
  readonly remote?: string;
  /** It is checked: results that claim to be ours are forged. */
  readonly checked?: true | undefined;
}

/** The envelope of a message on its way in; recipients may have their routes from when they were named. */
export interface IncomingEnvelope extends Envelope {
  readonly recipients: readonly RoutedRecipient[];
}

/** Content that may be accepted. */
export interface AcceptableContent {
  readonly id: string;
  readonly size: number;
  /** Its header section needs SMTPUTF8. */
  readonly utf8Header: boolean;
  /** Its subject as people read it, cut. */
  readonly subject: string | undefined;
  /** It looks like a report of others about our domains. */
  readonly mayBeReport?: boolean;
  /** Its header says that TLS may fail (RFC 8689 3). */
  readonly tlsOptional?: boolean;
  /** The tags that its header names. */
  readonly tags?: readonly string[];
  /** It may be a complaint about a message of ours (RFC 5965). */
  readonly isComplaint?: boolean;
  /** What its checks came to, a word for each. */
  readonly checks?: Readonly<Record<string, string>> | undefined;
  /** The domain in whose name it is signed. */
  readonly signFor?: string | undefined;
  /** Why it can't be accepted. */
  readonly refusal: ContentRefusal | undefined;
  finish(): BodyDraft;
  abort(): Promise<void>;
}

/** What content begins with. */
interface BegunContent extends Pick<AcceptableContent, "signFor"> {
  readonly before: string;
  readonly header: Uint8Array;
  /** No other fields are in it; undefined: there may be any. */
  readonly names: ReadonlySet<string> | undefined;
}

/** The store took nothing: for want of room, or for another reason. */
export type StorageFailure = "diskFull" | "storageFailure";
/** Why content is refused: too many hops, a header section without an end, several From fields, or the store. */
export type ContentRefusal = "loop" | "longHeader" | "authors" | StorageFailure;

/** What came of a message. */
export type Accepted =
  /** It is durable and ours; `refused` get no copy. */
  | {
    readonly kind: "accepted";
    readonly targets: readonly DeliveryTarget[];
    readonly refused: ReadonlyMap<Mailbox, RecipientRefusal>;
  }
  /** Nobody gets it. */
  | { readonly kind: "refused"; readonly refused: ReadonlyMap<Mailbox, RecipientRefusal> }
  | { readonly kind: ContentRefusal };

/** What is told of an accepted message beside itself. */
interface Told {
  readonly envelope: Envelope;
  readonly origin: Origin;
  readonly mailboxes: readonly Mailbox[];
  readonly checks: AcceptableContent["checks"];
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** Accepts messages. */
export class Acceptance {
  /** What is on its way in. */
  readonly underWay: UnderWay;
  readonly #options: AcceptanceOptions;

  constructor(options: AcceptanceOptions) {
    this.#options = options;
    this.underWay = options.underWay ?? new UnderWay();
  }

  /** What happens in the deliveries of what was accepted. */
  get transcripts(): Transcripts {
    return this.#options.queue.transcripts;
  }

  /**
   * An id for a new message, and where its content goes; the store hears nothing of it yet. `frontLater`: what stands on
   * top of it is known at its end.
   */
  open(
    { recipients }: IncomingEnvelope,
    { frontLater = false }: { frontLater?: boolean } = {},
  ): { id: string; body: BodyWriter } {
    const { store, ids, clock } = this.#options;
    const id = ids.next();
    this.underWay.begin(id, recipients);
    return { id, body: new BodyWriter(store, { id, clock, frontLater }) };
  }

  /**
   * What the content of a message begins with, from the header section that came: trace fields go before it (RFC 5321
   * 4.4), and a submission gets what it lacks (RFC 6409 8). "loop": it has been here too often; "authors": a user's
   * has several From fields (RFC 5322 3.6), of which nobody knows which one people are shown. `signFor`: the domain in
   * whose name it is signed.
   */
  begin(
    header: Uint8Array,
    id: string,
    { origin, envelope }: { readonly origin: Origin; readonly envelope: Envelope },
  ): BegunContent | "loop" | "authors" {
    const { end, received, authors, names, empty, obsolete } = scanHeader(header);
    const { clock, hostname, maxHops, router } = this.#options;
    if (received > maxHops) return "loop";
    const now = clock.now();
    const { source, trust, account, author, client, checked } = origin;
    if (trust === "user" && authors > 1) return "authors";
    const { recipients, sender } = envelope;
    const { helo, remote, protocol, tls } = client;
    const to = recipients.length === 1 ? recipients[0]!.address : undefined;
    const trace = receivedField({ helo, remote, protocol, tls, by: hostname, id, at: now, for: to });
    const domain = router.domains[0]!;
    const fixed = fixHeader(header, {
      trust,
      checked,
      names,
      empty,
      obsolete,
      account,
      author,
      domain,
      now,
      id,
      hostname,
    });
    // what has no field at all is no header section, but body
    const isBody = names.size === 0 && fixed.header.length > 0 && fixed.header[0] !== 13;
    return {
      before: isBody ? `${trace}${fixed.added}\r\n` : trace + fixed.added,
      header: fixed.header,
      names: fixed.header === header && end >= 0 ? names : undefined,
      signFor: authors > 1
        ? undefined
        : signingDomain(fixed.header, { source, trust, account, author, sender }),
    };
  }

  /**
   * Accepts a message: from the instant it is durable, and not before, it is ours. With one answer for all recipients
   * one that can't be served doesn't hold up the others; with an answer for each it is refused. What is not accepted
   * leaves nothing behind. Never rejects. `later` is handed what is to be told of a message that was accepted, to be called
   * once, as soon as its client was answered: nothing that may follow the reply stands before it.
   */
  async accept(
    envelope: IncomingEnvelope,
    content: AcceptableContent,
    origin: Origin,
    more: { oneAnswer: boolean; later?: ((tell: () => void) => void) | undefined },
  ): Promise<Accepted> {
    if (content.refusal) return await ended(content, { kind: content.refusal });
    const { queue, clock, captured } = this.#options;
    let plan: TargetPlan | undefined;
    let isTold = true;
    try {
      const planning = planTargets(
        envelope,
        { size: content.size, oneAnswer: more.oneAnswer },
        this.#options,
      );
      plan = planning instanceof Promise ? await planning : planning;
      const { targets, successes, refused } = plan;
      if (targets.length === 0) return await ended(content, { kind: "refused", refused });
      const leaves = targets.some(({ kind }) => kind === "queue");
      const subject = leaves ? content.subject : undefined;
      const message: NewMessage = {
        id: content.id,
        sender: envelope.sender,
        parameters: parametersOf(envelope, content),
        body: content.finish(),
        receivedAt: clock.now(),
        source: origin.source,
        targets,
        authenticatedAs: origin.account,
        subject: subject || undefined,
        signFor: leaves ? content.signFor : undefined,
      };
      const mailboxes =
        await (captured ? capture(message, captured, content.tags) : queue.accept(message, { successes }));
      if (!mailboxes) throw new Error("the content was swept away");
      const told = { envelope, origin, mailboxes, checks: content.checks };
      if (more.later) {
        isTold = false;
        more.later(() => {
          this.#tell(message, content, told);
          this.underWay.end(content.id);
        });
      } else this.#tell(message, content, told);
      // larger ones are none: what they enclose is cut by who sends them
      if (content.isComplaint && message.body.inMemory) {
        await this.#options.complaints?.take(new Uint8Array(message.body.inMemory));
      }
      return { kind: "accepted", targets, refused };
    } catch (error) {
      return await ended(content, { kind: this.failed(content.id, error) });
    } finally {
      plan?.release();
      if (isTold) this.underWay.end(content.id);
    }
  }

  /** Tells all who hear of accepted messages. */
  #tell(message: NewMessage, content: AcceptableContent, of: Told): void {
    this.#log(message, of);
    const { mailboxes } = of;
    this.underWay.accepted(content.id, message.targets, mailboxes);
    if (content.mayBeReport && mailboxes[0] !== undefined) {
      this.#options.reports?.came(content.id, mailboxes[0]);
    }
  }

  /** Notes that a message could not be stored; of a full disk the log speaks once, not for each message. */
  failed(id: string, error: unknown): StorageFailure {
    if (isDiskFull(error)) return "diskFull";
    this.#options.journal.note("ERROR", "message not stored", { id, error: String(error) });
    return "storageFailure";
  }

  #log(
    { id, sender, source, body: { size } }: NewMessage,
    of: Told,
  ): void {
    const { journal } = this.#options;
    const { session, remote, account } = of.origin;
    const recipients = of.envelope.recipients.map((r) => r.address);
    const event: Writable<AcceptedEvent> = { type: "accepted", id, sender, recipients, size, source };
    if (session !== undefined) event.session = session;
    if (remote !== undefined) event.remote = remote;
    if (account !== undefined) event.account = account;
    if (of.checks) event.checks = of.checks;
    journal.emit(event);
    for (const mailbox of of.mailboxes) journal.emit({ type: "mailbox", id, mailbox, sender, size });
  }
}

/** Of success nobody is told who asked for that: nothing was delivered. */
async function capture(
  { id, sender, receivedAt, targets, body, authenticatedAs: username }: NewMessage,
  captured: CapturedMail,
  tags: readonly string[] = [],
): Promise<readonly Mailbox[] | false> {
  const named = new Map<Mailbox, Mailbox>();
  for (const { address, recipient } of targets) {
    // <postmaster> has no domain of its own
    const name = recipient.address.includes("@") ? recipient.address : address;
    if (!named.has(address)) named.set(address, name);
  }
  const message = { id, sender, receivedAt, recipients: [...named.values()], tags, username };
  return await captured.capture(message, body) && [...named.keys()];
}

async function ended(content: AcceptableContent, result: Accepted): Promise<Accepted> {
  await content.abort();
  return result;
}

/** What MAIL said; SMTPUTF8 only where something needs it, since many programs ask for it each time. */
function parametersOf(envelope: Envelope, { utf8Header, tlsOptional }: AcceptableContent): SenderParameters {
  if (!tlsOptional && isBare(envelope)) return NO_PARAMETERS;
  const { recipients, sender, utf8, ...parameters } = envelope;
  const needed = utf8 && (utf8Header || needsUtf8(sender) || recipients.some((r) => needsUtf8(r.address)));
  return {
    // REQUIRETLS goes before
    ...(tlsOptional && { tls: "optional" }),
    ...parameters,
    ...(needed && { utf8 }),
  };
}

const NO_PARAMETERS: SenderParameters = {};

/** Does it name sender and recipients, and nothing else? */
function isBare(envelope: Envelope): boolean {
  for (const name in envelope) if (name !== "sender" && name !== "recipients") return false;
  return true;
}
