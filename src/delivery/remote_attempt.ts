/** The attempt at one message: host after host until every recipient has an outcome. */

import type { EnvelopeRecipient } from "../mail/envelope.ts";
import { type Deferred, type Failed, localReason, type Outcome } from "../mail/outcome.ts";
import type { Transcript } from "../observe/transcripts.ts";
import type { ClientTarget, SmtpClient, Transacted } from "../smtp/client/client.ts";
import type { Turn } from "./connection_pool.ts";
import type { DeliveryJob } from "./delivery.ts";
import type { HostConnections } from "./host_connections.ts";
import type { RouteHost } from "./secured_route.ts";
import { isTooMany, preferOutcome, shouldTryNextHost } from "./next_host.ts";
import { summaryLine } from "./transcript.ts";

/** RFC 5321 5.1 leaves the limit to us; a domain can't make us try more hosts than this. */
const MAX_HOSTS = 5;
const MAX_ADDRESSES = 20;

/** A recipient of the attempt. */
interface Pending {
  readonly recipient: EnvelopeRecipient;
  outcome: Outcome | undefined;
  /** Why hosts did not take it: the outcome to tell of when no other one does. */
  refusal: Deferred | Failed | undefined;
}

/** What a connection leaves to do for the recipients without an outcome. */
type Next = "sameHost" | "nextHost";

/** One attempt. */
export class RemoteAttempt {
  readonly #job: DeliveryJob;
  readonly #connections: HostConnections;
  readonly #transcript: Transcript;
  readonly #turn: Turn;
  readonly #takeTurn: () => Promise<boolean>;
  readonly #behind: SmtpClient | undefined;
  readonly #all: readonly Pending[];
  /** Those without an outcome. */
  #left: readonly Pending[];
  /** So many recipients at a time, since a peer showed that it takes no more. */
  #atOnce = Infinity;
  /** What the last transaction came to. */
  #last: Transacted | undefined;
  /** The connection is another message's by now, which goes behind this one. */
  #handedOn = false;

  /**
   * `transcript` hears every line of the conversations, and of each host. `takeTurn` waits for a turn at the destination
   * that the domain has by now; true: it is another one than before. `behind`: the connection of a message whose content
   * has ended, and which gave its `turn`.
   */
  constructor(
    job: DeliveryJob,
    connections: HostConnections,
    of: {
      readonly transcript: Transcript;
      readonly turn: Turn;
      readonly behind?: SmtpClient | undefined;
      takeTurn(): Promise<boolean>;
    },
  ) {
    this.#job = job;
    this.#connections = connections;
    this.#transcript = of.transcript;
    this.#turn = of.turn;
    this.#takeTurn = of.takeTurn;
    this.#behind = of.behind;
    this.#all = job.recipients.map((recipient) => ({ recipient, outcome: undefined, refusal: undefined }));
    this.#left = this.#all;
  }

  /** Runs it: one outcome per recipient, in their order. */
  async run(): Promise<Outcome[]> {
    if (this.#behind) await this.#goBehind(this.#behind);
    else if (this.#isOurs()) await this.#reuse();
    if (this.#left.length > 0 && this.#isOurs()) await this.#routed();
    return this.#all.map(({ recipient, outcome, refusal }) => {
      const final = outcome ?? refusal ?? NO_HOST;
      this.#step(summaryLine(recipient.address, final));
      return final;
    });
  }

  /** Sends over a connection that is left over from another message, if there is one. */
  async #reuse(): Promise<void> {
    const { domain, parameters: { tls } } = this.#job;
    const idle = this.#connections.takeIdle(domain, tls);
    if (!idle) return;
    this.#step(`Using cached esmtp connection to ${idle.peer.host}...`);
    this.#note(idle.peer, "over the connection of an earlier message");
    await this.#converse(idle);
  }

  /** Sends behind the end of another message, over its connection. */
  async #goBehind(client: SmtpClient): Promise<void> {
    this.#step(`Using cached esmtp connection to ${client.peer.host}...`);
    this.#note(client.peer, "over the connection of an earlier message, behind its end");
    await this.#converse(client);
    if (this.#last?.stale) this.#connections.rememberOneByOne(this.#job.domain, client);
  }

  async #routed(): Promise<void> {
    const { domain, parameters } = this.#job;
    const wasStale = this.#connections.groups.isStale(domain);
    const route = await this.#connections.route(domain, parameters.tls);
    for (const session of route.prevented ?? []) this.#connections.count(domain, session);
    for (const step of route.steps) this.#step(step);
    if (route.kind !== "hosts") {
      const { kind, status, text } = route;
      return this.#settle({ kind, status, text, stage: "route" });
    }
    // now it is known whose hosts they are, too
    const hasMoved = await this.#takeTurn();
    if ((hasMoved || wasStale) && this.#isOurs()) await this.#reuse();
    let tried = 0;
    for (const host of route.hosts.slice(0, MAX_HOSTS)) {
      for (const address of host.addresses) {
        if (this.#left.length === 0 || !this.#isOurs() || tried++ >= MAX_ADDRESSES) return;
        await this.#visit(host, address);
      }
    }
  }

  async #visit({ host, barred, ...of }: RouteHost, address: string): Promise<void> {
    if (barred !== undefined) {
      this.#note({ host, address }, barred);
      return this.#refused({ kind: "deferred", status: "4.7.5", text: barred, stage: "route", host });
    }
    const { domain, ignoreHostCache } = this.#job;
    const port = this.#connections.portOf(domain);
    const known = ignoreHostCache ? undefined : this.#connections.deadHost({ address, port });
    if (known) {
      const text = `${known.text} (a moment ago; not tried again yet)`;
      this.#note({ host, address }, text);
      return this.#refused({ ...known, host, text });
    }
    // A peer that limits transactions (RFC 9422 MAILMAX) or recipients gets who is left over another connection, at once.
    while (await this.#connect({ ...of, host, address, port }) === "sameHost");
  }

  async #connect(target: ClientTarget & Pick<RouteHost, "demand" | "policy">): Promise<Next> {
    this.#step(`Connecting to ${target.host}. via esmtp...`);
    const told = { any: false };
    const result = await this.#connections.connect(
      this.#job.domain,
      target,
      this.#introduced(target, told),
    );
    if (!result.ok) {
      const { outcome } = result;
      this.#step(`Deferred: ${localReason(outcome)}`);
      // a peer's own words stand in its lines
      if (outcome.code === undefined || !told.any) this.#note(target, localReason(outcome));
      if (shouldTryNextHost(outcome)) this.#refused(outcome);
      else this.#settle(outcome);
      return "nextHost";
    }
    return await this.#converse(result.client, target);
  }

  /**
   * Sends over one connection for as long as it takes recipients. Those who are left only wait for another one to the
   * same host when this one served some, showed that fewer at a time will do, or broke within TLS that was no more than
   * an opportunity. `target`: the host's, of a connection that is new.
   */
  async #converse(client: SmtpClient, target?: ClientTarget): Promise<Next> {
    this.#handedOn = false;
    const [before, atOnce] = [this.#left.length, this.#atOnce];
    try {
      while (await this.#transact(client) === "again" && this.#mayUse(client) && this.#isOurs());
      if (this.#left.length > 0 && this.#tlsBroke(client, target)) {
        return this.#isOurs() ? "sameHost" : "nextHost";
      }
    } finally {
      const { domain, parameters } = this.#job;
      if (!this.#handedOn) this.#connections.giveBack(domain, client, parameters.tls);
    }
    const helped = this.#left.length < before || this.#atOnce < atOnce;
    if (helped && !this.#mayUse(client) && this.#left.length > 0 && this.#isOurs()) return "sameHost";
    // where the host has nothing against it but their number, another one is not asked; they wait
    if (this.#left.every(({ refusal }) => refusal && isTooMany(refusal))) {
      for (const pending of this.#left) pending.outcome = pending.refusal;
      this.#left = [];
    }
    return "nextHost";
  }

  /** Did it break within TLS, and may the next connection be in clear (RFC 7435)? */
  #tlsBroke(client: SmtpClient, target: ClientTarget | undefined): boolean {
    const tlsError = this.#last?.tlsError;
    if (target === undefined || tlsError === undefined || !this.#maySendInClear(client)) return false;
    this.#connections.rememberTlsFailure(target, tlsError);
    client.close();
    return true;
  }

  /** Is the connection still this message's, and of use? */
  #mayUse(client: SmtpClient): boolean {
    return !this.#handedOn && client.usable;
  }

  #maySendInClear(client: SmtpClient): boolean {
    return this.#connections.maySendInClear(this.#job.domain, client);
  }

  /** One transaction with those who are left; "again": some only have to wait for the next one. */
  async #transact(client: SmtpClient): Promise<"again" | "done"> {
    const { sender, size, parameters, text, unsigned, asIs = false } = this.#job;
    const batch = this.#left.slice(0, this.#atOnce);
    let withdraw: (() => void) | undefined;
    const ended = () => {
      withdraw = this.#offer(client);
      return withdraw !== undefined && this.#job.next?.() === true;
    };
    const sending = client.transact({
      sender,
      recipients: batch.map(({ recipient }) => recipient),
      size,
      parameters,
      text,
      unsigned,
      asIs,
      mayEnd: () => this.#job.stillOurs(),
    }, {
      trace: (line) => this.#line(line),
      ...(this.#job.next && batch.length === this.#left.length && { ended }),
    });
    // also when it fails: who came later would take a connection that nobody holds
    const result = await sending.finally(() => withdraw?.());
    this.#last = result;
    const { outcomes, stale, tlsError, fewer } = result;
    // these say nothing: a fresh connection will tell
    if (stale) return "done";
    if (tlsError !== undefined && this.#maySendInClear(client)) return "done";
    const lost = outcomes.find((o) => o.code === undefined && shouldTryNextHost(o));
    if (lost) this.#note(client.peer, lost.text);
    const tooMany = apply(outcomes, batch);
    const waiting = this.#left.length - batch.length + tooMany;
    const isServed = batch.some((pending) => !isOpen(pending));
    this.#left = this.#left.filter(isOpen);
    const only = outcomes[0]!;
    // one is too many: the others need not send all of it again to hear the same
    if (batch.length === 1 && only.stage === "end" && only.peerStatus?.endsWith(".5.3")) this.#settle(only);
    if (fewer !== undefined) {
      this.#atOnce = fewer;
      return "again";
    }
    return waiting > 0 && isServed ? "again" : "done";
  }

  /** Who takes the connection gives it back. */
  #offer(client: SmtpClient): (() => void) | undefined {
    const { domain, parameters } = this.#job;
    const taken = () => this.#handedOn = true;
    return this.#connections.offer(domain, { client, wish: parameters.tls, turn: this.#turn, taken });
  }

  /** False when the lease is gone; then nothing more is tried. */
  #isOurs(): boolean {
    if (this.#job.stillOurs()) return true;
    this.#settle({
      kind: "deferred",
      status: "4.4.2",
      text: "The lease was lost: another server has the message now",
      stage: "route",
    });
    return false;
  }

  #refused(outcome: Deferred | Failed): void {
    for (const pending of this.#left) pending.refusal = preferOutcome(pending.refusal, outcome);
  }

  #settle(outcome: Outcome): void {
    for (const pending of this.#left) pending.outcome ??= outcome;
    this.#left = [];
  }

  #step(text: string): void {
    this.#transcript.emit({ kind: "step", text });
  }

  #line(line: string): void {
    this.#transcript.emit({ kind: "line", line });
  }

  #note({ host, address }: { host: string; address: string }, text: string): void {
    this.#transcript.emit({ kind: "host", host, address, text });
  }

  /** A listener that names the host in front of its first line. */
  #introduced(peer: { host: string; address: string }, told: { any: boolean }): (line: string) => void {
    return (line) => {
      if (!told.any) this.#note(peer, "connected");
      told.any = true;
      this.#line(line);
    };
  }
}

function isOpen({ outcome }: Pending): boolean {
  return outcome === undefined;
}

/** Notes what a transaction came to; answers for how many it was one recipient too many. */
function apply(outcomes: readonly Outcome[], batch: readonly Pending[]): number {
  let tooMany = 0;
  for (const [i, outcome] of outcomes.entries()) {
    const pending = batch[i]!;
    if (isTooMany(outcome)) {
      pending.refusal = outcome as Deferred;
      tooMany++;
    } else if (shouldTryNextHost(outcome)) pending.refusal = preferOutcome(pending.refusal, outcome);
    else pending.outcome = outcome;
  }
  return tooMany;
}

const NO_HOST: Deferred = {
  kind: "deferred",
  status: "4.4.4",
  text: "No host could be tried",
  stage: "route",
};
