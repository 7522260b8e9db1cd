/** One mail transaction as a client: MAIL, RCPT, the content, and each recipient's outcome. */

import { after, type Awaitable } from "../../base/awaitable.ts";
import type { FaultPoint } from "../../faults/rules.ts";
import type { Deferred, Outcome, Stage } from "../../mail/outcome.ts";
import type { ClientChannel } from "./channel.ts";
import { mailCommand, rcptCommand, wantsSuccess } from "./commands.ts";
import { subjectOf } from "./examination.ts";
import type { ClientTransactionOptions, OutgoingMessage } from "./options.ts";
import {
  deferred,
  isPositive,
  namesNumber,
  outcomeOf,
  outOfStep,
  refusalOf,
  replyErrorOf,
  replyText,
  speaksOfNumber,
  tooManyOf,
} from "./outcome.ts";
import { prepare } from "./preparation.ts";
import { sendContent } from "./content.ts";
import type { Reply } from "../protocol/reply.ts";
import { isReplyError, type ReplyError } from "./reply_reader.ts";

/**
 * One transaction. Commands go out as one group where the peer pipelines (RFC 2920), else one by one.
 *
 * Why BDAT is not part of that group, though it would save a round trip: RFC 3030 2 sends it when the replies to MAIL
 * and RCPT are known, the content would be out before anybody accepted a recipient, and a stale connection could not
 * be told from a lost message any more. So a message costs two round trips either way; BDAT's worth is that no octets
 * of a message can be taken for its end, and that nothing is sent when all recipients are refused.
 *
 * The group may stand directly behind the end of the content of the transaction before (RFC 2920 3.1 allows that
 * explicitly), so that a message costs one round trip. Its content is not begun before the other message was taken:
 * whatever else becomes of that, this one goes over a fresh connection. It could follow behind a refusal, too, but some
 * peers keep what they refused, and would give it to those recipients.
 */
export class ClientTransaction {
  /** False when the conversation lost its beat: the connection must not be used again. */
  sound = true;
  /**
   * It did not end with 2xx for everybody, so RSET must come before the next one: some peers keep what was refused at
   * the end of the data, recipients and all.
   */
  unfinished: boolean;
  /** MAIL got an answer that the peer meant for it. */
  answered = false;
  /** The peer showed that it takes so many recipients at a time, and fewer than it was asked to. */
  fewer: number | undefined;
  /**
   * What went wrong within TLS before the end of the content was sent, where TLS itself may be the reason: the
   * connection broke, or the peer said 454 to MAIL (RFC 3207 4).
   */
  tlsError: string | undefined;
  /** The content has begun. */
  #began = false;
  /** This transaction's own MAIL was accepted. */
  #open = false;
  readonly #outcomes: (Outcome | undefined)[];
  /** Indices of the recipients that RCPT is said for. */
  #asked: readonly number[] = [];
  #accepted: number[] = [];
  #over: PromiseWithResolvers<boolean> | undefined;

  constructor(
    private readonly channel: ClientChannel,
    private message: OutgoingMessage,
    private readonly options: ClientTransactionOptions,
  ) {
    this.#outcomes = message.recipients.map(() => undefined);
    this.unfinished = options.reset;
  }

  /** Resolves when all its answers are there; true when the peer took all of it. */
  get over(): Promise<boolean> {
    return (this.#over ??= Promise.withResolvers()).promise;
  }

  /** All its answers are there. */
  end(): void {
    this.#over?.resolve(this.sound && !this.unfinished);
  }

  /** Runs it: one outcome per recipient, in their order. */
  async run(): Promise<Outcome[]> {
    const prepared = prepare(this.message, this.options.peer, this.channel.peer);
    const { message, utf8, asked, outcomes } = prepared instanceof Promise ? await prepared : prepared;
    this.message = message;
    this.#asked = asked;
    for (const [i, outcome] of outcomes.entries()) this.#outcomes[i] = outcome;
    if (asked.length > 0) await this.#converse(utf8);
    return this.#outcomes.map((outcome) => outcome ?? this.#missing());
  }

  async #converse(utf8: boolean): Promise<void> {
    const { channel, message, options: { peer, reset, chunking, behind } } = this;
    const bdat = chunking && peer.chunking;
    // where a rule may stand for an answer, each command waits to know whether it is said at all
    const group = peer.pipelining && !channel.mayFail();
    this.unfinished = true;
    this.#listen();
    if (!behind && this.#isOutOfStep("mail")) return;
    const commands = [mailCommand(message, peer, utf8)];
    for (const i of this.#asked) commands.push(rcptCommand(message.recipients[i]!, peer, utf8));
    if (group) {
      if (reset) channel.put("RSET");
      for (const command of commands) channel.put(command);
      if (!bdat) channel.put("DATA");
      channel.flush();
    }
    if (behind && !await this.#follows(behind)) return;
    if (reset && !await this.#reset(group)) return;
    if (!await this.#mail(group ? undefined : commands[0])) {
      // a group goes on to its end behind a refused MAIL
      if (!group || !this.sound) return;
    }
    for (const [n, i] of this.#asked.entries()) {
      if (!await this.#rcpt(i, group ? undefined : commands[n + 1])) return;
    }
    const ready = bdat
      ? this.#accepted.length > 0 && this.#open && await this.#mayBegin()
      : await this.#data(group);
    if (ready) await this.#text(bdat ? "bdat" : "data");
  }

  #listen(): void {
    const { behind, trace } = this.options;
    if (behind) this.channel.traceOfOurs = trace;
    else if (trace) this.channel.trace = trace;
  }

  /**
   * Did more answers come than were due? Then each that follows would be taken for that of a later command, in the end one
   * to RCPT for that to the content, and a message for taken that nobody has.
   */
  #isOutOfStep(stage: "mail" | "data"): boolean {
    const { peer } = this.channel;
    const reply = this.channel.unasked();
    if (!reply) return false;
    this.#settleRest(isReplyError(reply) ? replyErrorOf(reply, stage, peer) : outOfStep(reply, stage, peer));
    this.#drop();
    return true;
  }

  /** Did the peer take the message before? If not, nobody knows for sure what it takes these commands for. */
  async #follows(behind: Promise<boolean>): Promise<boolean> {
    const isTaken = await behind;
    this.channel.trace = this.options.trace;
    if (isTaken) return true;
    const text = "The message before this one was not taken";
    this.#settleRest(deferred("4.4.2", text, "mail", this.channel.peer));
    this.#drop();
    return false;
  }

  /** A peer that can't forget the transaction before is not used for this one: a fresh connection will do. */
  async #reset(group: boolean): Promise<boolean> {
    const reply = await this.#reply("mail", group ? undefined : "RSET");
    if (reply === undefined || isPositive(reply)) return reply !== undefined;
    this.#settleRest(outOfStep(reply, "mail", this.channel.peer));
    this.#drop();
    return false;
  }

  /** 503 speaks of the conversation, never of the message. */
  #mail(command: string | undefined): Awaitable<boolean> {
    const point = { stage: "mail", from: this.message.sender } as const;
    return after(this.#reply("mail", command, point), (reply) => this.#toMail(reply));
  }

  #toMail(reply: Reply | undefined): boolean {
    if (!reply) return false;
    if (reply.code === 503) {
      this.#settleRest(outOfStep(reply, "mail", this.channel.peer));
      this.#drop();
      return false;
    }
    this.answered = true;
    this.#open = isPositive(reply);
    if (!this.#open) this.#settleRest(refusalOf(reply, "mail", this.channel.peer));
    return this.#open;
  }

  #rcpt(index: number, command: string | undefined): Awaitable<boolean> {
    const to = [this.message.recipients[index]!.address];
    const point = { stage: "rcpt", from: this.message.sender, to } as const;
    return after(this.#reply("rcpt", command, point), (reply) => {
      if (!reply) return false;
      if (isPositive(reply)) this.#accepted.push(index);
      else this.#outcomes[index] ??= this.#refusedRcpt(reply);
      return true;
    });
  }

  /** Behind accepted recipients a refusal may mean their number (RFC 5321 4.5.3.1.10), whatever its code. */
  #refusedRcpt(reply: Reply): Outcome {
    const outcome = refusalOf(reply, "rcpt", this.channel.peer);
    return this.#accepted.length > 0 && speaksOfNumber(reply) ? tooManyOf(outcome) : outcome;
  }

  /** The answer to DATA: may the content begin? */
  #data(group: boolean): Awaitable<boolean> {
    if (!group && this.#accepted.length === 0) return false;
    const command = group ? undefined : "DATA";
    return after(this.#reply("data", command, this.#point("data")), (reply) => this.#toData(reply));
  }

  #toData(reply: Reply | undefined): Awaitable<boolean> {
    if (!reply) return false;
    const nobody = this.#accepted.length === 0;
    if (reply.code !== 354) {
      const { peer } = this.channel;
      const strayed = reply.code === 503 && !nobody;
      const refusal = refusalOf(reply, "data", peer);
      this.#settleRest(strayed ? outOfStep(reply, "data", peer) : this.#orFewer(reply, refusal));
      // a 2xx instead of 354: who knows what the peer takes the next line for
      if (isPositive(reply) || strayed) this.#drop();
      return false;
    }
    if (this.#open && !nobody) return true;
    return this.#endNothing().then(() => false);
  }

  /** Before a first BDAT: does no rule of faults stand for its answer? */
  async #mayBegin(): Promise<boolean> {
    const { channel } = this;
    if (!channel.mayFail("data")) return true;
    const instead = await channel.fault(this.#point("data"), channel.timeouts.data);
    if (instead === undefined) return true;
    if (isReplyError(instead)) this.#settleRest(replyErrorOf(instead, "data", channel.peer));
    else this.#settleRest(this.#orFewer(instead, refusalOf(instead, "data", channel.peer)));
    if (isReplyError(instead) || instead.code === 421) this.#drop();
    return false;
  }

  /** Before the text: does no rule of faults stand for the answer to its end? It is not sent then. */
  async #mayEnd(): Promise<boolean> {
    const { channel } = this;
    if (!channel.mayFail("end")) return true;
    const subject = () => subjectOf(this.message);
    const instead = await channel.fault({ ...this.#point("end"), subject }, channel.timeouts.end);
    if (instead === undefined) return true;
    if (isReplyError(instead)) this.#lostAnswer(instead);
    else this.#settleRest(this.#orFewer(instead, refusalOf(instead, "end", channel.peer)));
    this.#drop();
    return false;
  }

  #point(stage: "data" | "end"): FaultPoint {
    const { sender, recipients } = this.message;
    return { stage, from: sender, to: this.#accepted.map((i) => recipients[i]!.address) };
  }

  /** Is it refused since these are too many recipients? Then half of them is tried. */
  #orFewer<T extends Outcome>(reply: Reply, outcome: T): T | Deferred {
    const count = this.#accepted.length;
    if (count < 2 || isPositive(reply) || !namesNumber(reply)) return outcome;
    this.fewer = count >> 1;
    return tooManyOf(outcome);
  }

  /**
   * 354 though nothing was accepted: a lone dot ends it (RFC 2920 3.1), unless somebody might get an empty message: the
   * peer took no MAIL of ours for it, or may remember recipients of the transaction before. Nor where nobody would
   * answer (RFC 2033 4.2).
   */
  async #endNothing(): Promise<void> {
    const { lmtp, reset } = this.options;
    if (this.#accepted.length > 0 || !this.#open || reset || lmtp) return this.#drop();
    this.channel.put(".");
    this.channel.flush();
    const reply = await this.channel.reply(this.channel.timeouts.end);
    if (isReplyError(reply) || reply.code === 421) return this.#drop();
    this.unfinished = !isPositive(reply);
  }

  async #text(how: "data" | "bdat"): Promise<void> {
    const { channel } = this;
    this.#began = true;
    if (!await this.#mayEnd()) return;
    // by DATA the 354 proves that it is not
    if (how === "bdat" && this.#isOutOfStep("data")) return;
    const isForAll = this.#accepted.length === this.#outcomes.length;
    const ended = isForAll ? this.options.ended : undefined;
    const result = await sendContent(channel, this.message, { how, ended });
    if (result.kind === "kept") {
      const status = result.why === "lease" ? "4.4.2" : "4.3.0";
      this.#settleRest(deferred(status, result.text, "end", channel.peer));
      return this.#drop();
    }
    if (result.kind === "broken") return await this.#goneEarly(result.error);
    await this.#final(how);
  }

  /** The peer stopped reading: it may have said why. */
  async #goneEarly(error: ReplyError): Promise<void> {
    const { channel } = this;
    const reply = channel.closed ? error : await channel.reply(channel.timeouts.data);
    this.#blameTls(reply, "data");
    if (isReplyError(reply)) this.#settleRest(replyErrorOf(error, "data", channel.peer));
    else this.#settleRest(refusalOf(reply, "data", channel.peer));
    this.#drop();
  }

  /** The answer, or with LMTP the answers, to the end of the content. */
  async #final(how: "data" | "bdat"): Promise<void> {
    const { channel, options } = this;
    let reply: Reply | ReplyError | undefined;
    let complete = true;
    for (const index of this.#accepted) {
      if (reply === undefined || options.lmtp) reply = await channel.reply(channel.timeouts.end);
      if (isReplyError(reply)) return this.#lostAnswer(reply);
      const strayed = reply.code === 503 && how === "bdat";
      const outcome = strayed
        ? outOfStep(reply, "end", channel.peer)
        : this.#orFewer(reply, outcomeOf(reply, "end", channel.peer));
      this.#outcomes[index] = outcome.kind === "delivered" ? this.#relayed(index, outcome) : outcome;
      if (strayed || reply.code === 421 || (reply.code >= 300 && reply.code < 400)) {
        this.#settleRest(this.#outcomes[index]!);
        return this.#drop();
      }
      complete &&= outcome.kind === "delivered";
    }
    this.unfinished = !complete;
  }

  #relayed(index: number, outcome: Outcome & { kind: "delivered" }): Outcome {
    if (this.options.peer.dsn || !wantsSuccess(this.message.recipients[index]!)) return outcome;
    return { ...outcome, relayedWithoutDsn: true };
  }

  /** The content was ended but the answer is missing: the peer may or may not have it (RFC 1047). */
  #lostAnswer(error: ReplyError): void {
    const text = `${error.text} after the end of the data: it may have the message, a duplicate is possible`;
    this.#settleRest(replyErrorOf({ ...error, text }, "end", this.channel.peer));
    this.#drop();
  }

  /**
   * Says a command, when there is one, and reads a reply; undefined when the conversation is over. `point`: where a rule
   * of faults may stand for it.
   */
  #reply(
    stage: "mail" | "rcpt" | "data",
    command: string | undefined,
    point?: FaultPoint,
  ): Awaitable<Reply | undefined> {
    const { channel, channel: { timeouts: { [stage]: limit } } } = this;
    const reply = command === undefined
      ? channel.reply(limit)
      : point
      ? channel.askAt(point, command, limit)
      : channel.ask(command, limit);
    return after(reply, (reply) => this.#replied(reply, stage));
  }

  #replied(reply: Reply | ReplyError, stage: "mail" | "rcpt" | "data"): Reply | undefined {
    this.#blame(reply, stage);
    if (isReplyError(reply)) this.#settleRest(replyErrorOf(reply, stage, this.channel.peer));
    else if (reply.code === 421) this.#settleRest(outcomeOf(reply, stage, this.channel.peer)); // RFC 5321 3.8
    else return reply;
    this.#drop();
    return undefined;
  }

  /** What an answer, or none, may mean beside its words. */
  #blame(what: Reply | ReplyError, stage: Stage): void {
    const count = this.#accepted.length;
    const gone = isReplyError(what) ? what.error !== "late" : what.code === 421;
    // a peer that has enough may say so by going: it took those it had accepted by then
    if (gone && stage === "rcpt" && count > 0) this.fewer = count;
    else if (gone && stage === "data" && count > 1 && !isReplyError(what) && namesNumber(what)) {
      this.fewer = count >> 1;
    } else this.#blameTls(what, stage);
  }

  #blameTls(what: Reply | ReplyError, stage: Stage): void {
    if (this.channel.peer.tls === undefined) return;
    if (!isReplyError(what)) {
      if (what.code === 454 && stage === "mail") this.tlsError = `454 ${replyText(what)}`;
    } else if (what.error !== "late") this.tlsError = what.text;
  }

  #drop(): void {
    this.sound = false;
    this.channel.close();
  }

  /** Gives an outcome to all recipients that have none. */
  #settleRest(outcome: Outcome): void {
    for (let i = 0; i < this.#outcomes.length; i++) this.#outcomes[i] ??= outcome;
  }

  #missing(): Outcome {
    const stage: Stage = this.#began ? "end" : "mail";
    return deferred("4.3.0", "The transaction ended without an outcome", stage, this.channel.peer);
  }
}
