/** The checks of what strangers bring: who may begin a message, and what becomes of it when it is complete. */

import { BoundedResolver } from "../authentication/bounded_resolver.ts";
import type {
  CheckOutcome,
  CheckPolicies,
  MessageCheck,
  MessageCheckOptions,
} from "../authentication/checks.ts";
import { encode } from "../base/bytes.ts";
import { Semaphore } from "../base/semaphore.ts";
import { isDnsName } from "../dns/names.ts";
import { splitMailbox } from "../mail/address.ts";
import type { EnhancedStatus } from "../mail/outcome.ts";
import type { Mailbox } from "../mail/envelope.ts";
import type { DmarcCounts } from "../reports/dmarc_counts.ts";
import type { Journal } from "../observe/journal.ts";
import { type Reply, reply } from "../smtp/protocol/reply.ts";
import type { SessionFacts, Verdict } from "../smtp/server/reception.ts";

/** What {@linkcode ArrivalChecks} work with. */
export interface ArrivalChecksOptions extends MessageCheckOptions {
  readonly journal: Journal;
  /** Called for each message with a word for each check, and the check by which it was refused. */
  readonly onChecked?: (words: Readonly<Record<string, string>>, refusedBy: string | undefined) => void;
  /** Counts what DMARC came to, for the reports that the domains get. */
  readonly dmarc?: Pick<DmarcCounts, "count"> | undefined;
}

/** With code, status and CRLF a reply's line has 512 octets at most (RFC 5321 4.5.3.1.5). */
const MAX_TEXT = 490;

/** MAIL waits no longer to hear whether its sender's domain takes mail: milliseconds. */
const NULL_MX_MS = 2000;
/** Strangers whose name servers keep silent may hold so many of the resolver's places; the rest is for deliveries. */
const MAX_QUESTIONS = 50;

type Module = typeof import("../authentication/checks.ts");

/** Checks the messages of strangers. */
export class ArrivalChecks {
  readonly #options: ArrivalChecksOptions;
  #module: Module | undefined;

  constructor(options: ArrivalChecksOptions) {
    this.#options = { ...options, places: new Semaphore(MAX_QUESTIONS) };
  }

  /** Is there anything to check? */
  static areOn(policies: CheckPolicies): boolean {
    return [policies.spf, policies.dkim, policies.dmarc, policies.arc].some((policy) => policy !== "off");
  }

  /** MAIL: a sender whose domain takes no mail can't be answered (RFC 7505 4.2). */
  sender(sender: Mailbox): Verdict | Promise<Verdict> {
    const { domain } = splitMailbox(sender);
    if (sender === "" || !isDnsName(domain)) return this.#module ? undefined : this.#load();
    return this.#hasNullMx(domain);
  }

  /** Begins the check of a message; its sender was asked about before. */
  open({ id, helo, remote }: SessionFacts, sender: Mailbox): ArrivalCheck {
    const { MessageCheck } = this.#module!;
    const client = { ip: remote.hostname, helo, sender };
    const check = new MessageCheck(client, this.#options);
    return new ArrivalCheck(
      check,
      (outcome) => this.#tell(outcome, { session: id, remote: client.ip, sender }),
    );
  }

  async #hasNullMx(domain: string): Promise<Verdict> {
    const { resolver, clock, places } = this.#options;
    const bounded = new BoundedResolver(resolver, places);
    const timer = bounded.endIn(NULL_MX_MS, clock);
    const [answer] = await Promise.all([bounded.mx(domain), this.#load()]);
    timer.cancel();
    const isNull = answer.kind === "found" && answer.records.every(({ exchange }) => exchange === "");
    return isNull
      ? reply(550, "5.7.27", `${domain} accepts no mail (null MX), so it can't send any`)
      : undefined;
  }

  /** What they are made of is loaded when the first stranger comes. */
  async #load(): Promise<undefined> {
    this.#module ??= await import("../authentication/checks.ts");
  }

  #tell(
    { words, refusal, results }: CheckOutcome,
    of: { session: string; remote: string; sender: Mailbox },
  ): void {
    const { journal, onChecked, dmarc } = this.#options;
    const { remote: ip, sender } = of;
    // who is asked to come again is not told of yet
    if (!refusal?.temporary) dmarc?.count(results, { ip, sender, isRefused: refusal?.check === "dmarc" });
    onChecked?.(words, refusal?.check);
    if (refusal) journal.note("INFO", "message refused", { ...of, check: refusal.check, text: refusal.text });
  }
}

/** What was found out about a message that may be accepted. */
export interface Checked {
  /** What is to stand on top of it. */
  readonly front: Uint8Array;
  /** A word for each check. */
  readonly words: Readonly<Record<string, string>>;
}

/** Checks one message. */
export class ArrivalCheck {
  readonly #check: MessageCheck;
  readonly #onOutcome: (outcome: CheckOutcome) => void;

  constructor(check: MessageCheck, onOutcome: (outcome: CheckOutcome) => void) {
    this.#check = check;
    this.#onOutcome = onOutcome;
  }

  /** Takes the header section as it came. */
  header(section: Uint8Array): void {
    this.#check.header(section);
  }

  /** Takes a piece of the body. */
  body(piece: Uint8Array): void {
    this.#check.body(piece);
  }

  /** The message is complete: what is known of it, or the reply that refuses it; of no answer waited for once `ending`. */
  async finish(ending?: AbortSignal): Promise<Checked | Reply> {
    const outcome = await this.#check.finish(ending);
    this.#onOutcome(outcome);
    const { refusal, field, words } = outcome;
    if (!refusal) return { front: encode(field), words };
    const { temporary, detail, text } = refusal;
    const status: EnhancedStatus = `${temporary ? 4 : 5}.7.${detail}`;
    return reply(temporary ? 451 : 550, status, text.slice(0, MAX_TEXT));
  }
}
