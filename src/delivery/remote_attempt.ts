/** The attempt at one message: host after host until every recipient has an outcome. */

import { type Deferred, type Failed, localReason, type Outcome } from "../mail/outcome.ts";
import type { Transcript } from "../observe/transcripts.ts";
import type { ClientTarget, SmtpClient } from "../smtp/client/client.ts";
import type { DeliveryJob } from "./delivery.ts";
import type { HostConnections } from "./host_connections.ts";
import { isTooMany, preferOutcome, shouldTryNextHost } from "./next_host.ts";
import { summaryLine } from "./transcript.ts";

/** RFC 5321 5.1 leaves the limit to us; a domain can't make us try more hosts than this. */
const MAX_HOSTS = 5;
const MAX_ADDRESSES = 20;

/** One attempt. */
export class RemoteAttempt {
  readonly #job: DeliveryJob;
  readonly #connections: HostConnections;
  readonly #transcript: Transcript;
  readonly #outcomes: (Outcome | undefined)[];
  /** Why hosts did not take it, the weightiest reason per recipient. */
  readonly #refusals: (Deferred | Failed | undefined)[];
  /** Indices of the recipients without an outcome. */
  #left: number[];
  /** So many recipients at a time, since a peer showed that it takes no more. */
  #atOnce = Infinity;

  /** `transcript` hears every line of the conversations, and of each host. */
  constructor(job: DeliveryJob, connections: HostConnections, transcript: Transcript) {
    this.#job = job;
    this.#connections = connections;
    this.#transcript = transcript;
    this.#outcomes = job.recipients.map(() => undefined);
    this.#refusals = job.recipients.map(() => undefined);
    this.#left = job.recipients.map((_, i) => i);
  }

  /** Runs it: one outcome per recipient, in their order. */
  async run(): Promise<Outcome[]> {
    const idle = this.#isOurs() ? this.#connections.takeIdle(this.#job.domain) : undefined;
    if (idle) {
      this.#step(`Using cached esmtp connection to ${idle.peer.host}...`);
      this.#note(idle.peer, "over the connection of an earlier message");
      await this.#converse(idle);
    }
    if (this.#left.length > 0 && this.#isOurs()) await this.#routed();
    const outcomes = this.#outcomes.map((outcome, i) => outcome ?? this.#refusals[i] ?? NOBODY);
    for (const [i, outcome] of outcomes.entries()) {
      this.#step(summaryLine(this.#job.recipients[i]!.address, outcome));
    }
    return outcomes;
  }

  async #routed(): Promise<void> {
    const route = await this.#connections.route(this.#job.domain);
    for (const step of route.steps) this.#step(step);
    if (route.kind !== "hosts") {
      const { kind, status, text } = route;
      return this.#settle({ kind, status, text, stage: "route" });
    }
    let tried = 0;
    for (const { host, addresses } of route.hosts.slice(0, MAX_HOSTS)) {
      for (const address of addresses) {
        if (this.#left.length === 0 || !this.#isOurs() || tried++ >= MAX_ADDRESSES) return;
        await this.#visit(host, address);
      }
    }
  }

  async #visit(host: string, address: string): Promise<void> {
    const { domain, ignoreHostCache } = this.#job;
    const port = this.#connections.portOf(domain);
    const known = ignoreHostCache ? undefined : this.#connections.deadHost({ address, port });
    if (known) {
      const text = `${known.text} (a moment ago; not tried again yet)`;
      this.#note({ host, address }, text);
      return this.#refused({ ...known, host, text });
    }
    // A peer that limits transactions (RFC 9422 MAILMAX) or recipients gets who is left over another connection, at once.
    while (await this.#connected({ host, address, port }));
  }

  /** One connection. True when others only wait for another one. */
  async #connected(target: ClientTarget): Promise<boolean> {
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
      return false;
    }
    return await this.#converse(result.client, target);
  }

  /**
   * Sends over one connection for as long as it takes recipients; what stays left is for the next host. True when those
   * who are left only wait for another connection: this one served some, showed that fewer at a time will do, or broke
   * within TLS that was no more than an opportunity. `target`: the host's, of a connection that is new.
   */
  async #converse(client: SmtpClient, target?: ClientTarget): Promise<boolean> {
    client.trace = (line) => this.#line(line);
    const [before, atOnce] = [this.#left.length, this.#atOnce];
    let more = false;
    try {
      do more = await this.#transact(client); while (more && client.usable && this.#isOurs());
      if (this.#left.length > 0 && this.#tlsBroke(client, target)) return this.#isOurs();
    } finally {
      this.#connections.giveBack(this.#job.domain, client);
    }
    const helped = this.#left.length < before || this.#atOnce < atOnce;
    if (helped && !client.usable && this.#left.length > 0 && this.#isOurs()) return true;
    for (const i of this.#left) {
      const refusal = this.#refusals[i];
      if (refusal && isTooMany(refusal)) this.#outcomes[i] = refusal;
    }
    this.#left = this.#left.filter((i) => this.#outcomes[i] === undefined);
    return false;
  }

  /** Did it break within TLS, and may the next connection be in clear (RFC 7435)? */
  #tlsBroke(client: SmtpClient, target: ClientTarget | undefined): boolean {
    const { tlsError } = client;
    if (target === undefined || tlsError === undefined || !this.#maySendInClear) return false;
    this.#connections.rememberTlsFailure(target, tlsError);
    client.close();
    return true;
  }

  get #maySendInClear(): boolean {
    return this.#connections.maySendInClear(this.#job.domain);
  }

  /** One transaction with those who are left. True when some only have to wait for the next transaction. */
  async #transact(client: SmtpClient): Promise<boolean> {
    const { sender, recipients, size, parameters, text } = this.#job;
    const asked = this.#left.slice(0, this.#atOnce);
    const outcomes = await client.send({
      sender,
      recipients: asked.map((i) => recipients[i]!),
      size,
      parameters,
      text,
      mayEnd: () => this.#job.stillOurs(),
    });
    // these say nothing: a fresh connection will tell
    if (client.staleBeforeMail) return false;
    if (client.tlsError !== undefined && this.#maySendInClear) return false;
    let waiting = this.#left.length - asked.length;
    let settled = 0;
    const lost = outcomes.find((o) => o.code === undefined && shouldTryNextHost(o));
    if (lost) this.#note(client.peer, lost.text);
    for (const [n, outcome] of outcomes.entries()) {
      const i = asked[n]!;
      if (isTooMany(outcome)) {
        this.#refusals[i] = outcome as Deferred;
        waiting++;
      } else if (shouldTryNextHost(outcome)) {
        this.#refusals[i] = preferOutcome(this.#refusals[i], outcome);
      } else {
        this.#outcomes[i] = outcome;
        settled++;
      }
    }
    this.#left = this.#left.filter((i) => this.#outcomes[i] === undefined);
    const only = outcomes[0]!;
    // one is too many: the others need not send all of it again to hear the same
    if (asked.length === 1 && only.stage === "end" && only.peerStatus?.endsWith(".5.3")) this.#settle(only);
    if (client.fewer !== undefined) {
      this.#atOnce = client.fewer;
      return true;
    }
    return waiting > 0 && settled > 0;
  }

  /** False when the lease is gone; then nothing more is tried. */
  #isOurs(): boolean {
    if (this.#job.stillOurs()) return true;
    this.#settle({
      kind: "deferred",
      status: "4.4.2",
      text: "The lease was lost: another runner has the message now",
      stage: "route",
    });
    return false;
  }

  #refused(outcome: Deferred | Failed): void {
    for (const i of this.#left) this.#refusals[i] = preferOutcome(this.#refusals[i], outcome);
  }

  #settle(outcome: Outcome): void {
    for (const i of this.#left) this.#outcomes[i] ??= outcome;
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

const NOBODY: Deferred = {
  kind: "deferred",
  status: "4.4.4",
  text: "No host could be tried",
  stage: "route",
};
