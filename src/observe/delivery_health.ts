/** The health of delivery: what the attempts of the last ten minutes say of this server, its way out and its name. */

import type { Clock, Timer } from "../base/clock.ts";
import { formatCount } from "../base/units.ts";
import type { Health } from "./health.ts";
import type { AttemptEvent, Journal, JournalEvent } from "./journal.ts";
import { RecentOutcomes } from "./recent.ts";

/** What a destination says of spam or blocking, since it took a message. */
interface Blocking {
  /** To how many messages, told apart where they come one after the other. */
  readonly messages: number;
  /** The last of them. */
  readonly id: string;
  /** The last answer. */
  readonly text: string;
}

/** How a destination did when it was tried last. */
interface Destination {
  /** By the monotonic clock. */
  readonly at: number;
  /** What was wrong, in the words that it shares with others; absent: nothing. */
  readonly reason?: string;
  /** The same for people. */
  readonly text?: string;
  /** That it speaks of spam or blocking. */
  readonly blocks?: Blocking;
}

const MINUTE = 60_000;
const WINDOW_MS = 10 * MINUTE;
/** Fewer messages that failed are no evidence; one for several destinations counts for each. */
const LEAST_FAILURES = 6;
/** Fewer destinations are no evidence. */
const LEAST_DESTINATIONS = 3;
/** As many messages one destination has to put off in such words. */
const LEAST_BLOCKED = 3;
/** Those that were tried last are remembered. */
const MAX_DESTINATIONS = 1000;
/** After an attempt that failed is looked so late; and again so often while something is wrong. */
const LOOK_MS = 1000;
const LOOK_AGAIN_MS = 30_000;
const MAX_TEXT = 200;

const BLOCKED =
  /\b(?:dns|u?r)?[bw]l\b|block[ -]?(?:ed|ing|list)|(?:black|deny)[ -]?list|spam(?:haus|cop)|\bsorbs\b|reputation/i;
const SPAM = /spam|unsolicited|\bjunk\b|bulk mail/i;

/** Watches the journal for attempts; an event costs a microsecond and a bounded bit of memory. */
export class DeliveryHealth {
  readonly #clock: Clock;
  readonly #health: Health;
  readonly #attempts: RecentOutcomes;
  /** By domain; the one that was tried last stands last. */
  readonly #destinations = new Map<string, Destination>();
  readonly #unsubscribe: () => void;
  #timer: Timer | undefined;

  /** Listens from now on. */
  constructor(options: { journal: Journal; health: Health; clock: Clock }) {
    const { journal, health, clock } = options;
    this.#clock = clock;
    this.#health = health;
    this.#attempts = new RecentOutcomes(clock, LEAST_FAILURES);
    this.#unsubscribe = journal.on((event) => this.#take(event));
    health.beforeTold(() => this.#look());
  }

  /** Listens no more. */
  close(): void {
    this.#unsubscribe();
    this.#timer?.cancel();
  }

  #take(event: JournalEvent): void {
    if (event.type !== "delivered" && event.type !== "deferred" && event.type !== "bounced") return;
    if (event.returned) return;
    const domain = event.recipient.slice(event.recipient.lastIndexOf("@") + 1).toLowerCase();
    const before = this.#destinations.get(domain);
    this.#destinations.delete(domain);
    if (event.type === "delivered") this.#attempts.good();
    else {
      this.#attempts.bad(`${event.id} ${domain}`);
      this.#timer ??= this.#clock.schedule(LOOK_MS, () => this.#lookAgain());
    }
    this.#destinations.set(domain, this.#after(event, before));
    if (this.#destinations.size <= MAX_DESTINATIONS) return;
    for (const oldest of this.#destinations.keys()) return void this.#destinations.delete(oldest);
  }

  #after(event: AttemptEvent, before: Destination | undefined): Destination {
    const at = this.#clock.monotonic();
    if (event.type === "delivered") return { at };
    const { id } = event;
    const text = told(event);
    let blocks = before?.blocks;
    if (speaksOfBlocking(event)) {
      const messages = blocks === undefined ? 1 : blocks.messages + (blocks.id === id ? 0 : 1);
      blocks = { messages, id, text };
    }
    // no such user, too big: the message's own fault, and none of the way there
    const isOwnFault = event.type === "bounced" && /^5\.[1236]\./.test(event.status);
    return { at, ...(isOwnFault ? {} : { reason: sharedWords(event), text }), ...(blocks && { blocks }) };
  }

  #lookAgain(): void {
    this.#timer = undefined;
    if (this.#look()) this.#timer = this.#clock.schedule(LOOK_AGAIN_MS, () => this.#lookAgain());
  }

  /** Says what is wrong; true when something is. */
  #look(): boolean {
    const end = this.#clock.monotonic() - WINDOW_MS;
    for (const [domain, { at }] of this.#destinations) {
      if (at > end) break;
      this.#destinations.delete(domain);
    }
    const found = {
      attempts: this.#attemptsProblem(),
      destinations: this.#destinationsProblem(),
      reputation: this.#reputationProblem(),
    };
    for (const [code, text] of Object.entries(found)) this.#health.set(code, text);
    return Object.values(found).some((text) => text !== undefined);
  }

  #attemptsProblem(): string | undefined {
    const { all, bad, mostBad } = this.#attempts.count();
    if (!mostBad) return undefined;
    return `Of ${formatCount(all)} delivery attempts in the last ten minutes ${formatCount(bad)} failed`;
  }

  #destinationsProblem(): string | undefined {
    const byReason = new Map<string, { count: number; text: string }>();
    for (const { reason, text } of this.#destinations.values()) {
      if (reason === undefined || text === undefined) continue;
      byReason.set(reason, { count: (byReason.get(reason)?.count ?? 0) + 1, text });
    }
    for (const { count, text } of byReason.values()) {
      if (count < LEAST_DESTINATIONS || count * 2 <= this.#destinations.size) continue;
      const all = this.#destinations.size;
      const share = count === all
        ? `All ${formatCount(all)}`
        : `${formatCount(count)} of ${formatCount(all)}`;
      return `${share} destinations that were tried in the last ten minutes fail with: ${text}`;
    }
    return undefined;
  }

  #reputationProblem(): string | undefined {
    const found = [...this.#destinations].flatMap(([domain, { blocks }]) =>
      blocks && blocks.messages >= LEAST_BLOCKED ? [{ domain, text: blocks.text }] : []
    );
    const last = found.at(-1);
    if (last === undefined) return undefined;
    const others = found.length - 1;
    const and = others === 0
      ? ""
      : ` and ${formatCount(others)} other ${others === 1 ? "destination" : "destinations"}`;
    return `Mail to ${last.domain}${and} is taken for spam or blocked: ${last.text}`;
  }
}

/** Does the peer say that it takes us for a sender of spam? For ever it may say so of one message. */
function speaksOfBlocking({ code, text }: AttemptEvent): boolean {
  if (code === undefined || code < 400) return false;
  return BLOCKED.test(text) || (code < 500 && SPAM.test(text));
}

/** What the peer or we said, in one line. */
function told({ code, status, text }: AttemptEvent): string {
  const whole = code === undefined ? text : `${code} ${status} ${text}`;
  return whole.length > MAX_TEXT ? `${whole.slice(0, MAX_TEXT)}…` : whole;
}

/** The text without what differs from peer to peer: names, addresses, numbers, remarks in brackets. */
function sharedWords({ code, text }: AttemptEvent): string {
  const words = text.toLowerCase().replace(/\([^)]*\)|\[[^\]]*\]|<[^>]*>/g, " ").split(/\s+/)
    .map((word) => word.replace(/[.,:;!?]+$/, ""))
    .filter((word) => /^[\p{L}'"-]+$/u.test(word));
  return `${code ?? ""} ${words.join(" ")}`.slice(0, MAX_TEXT);
}
