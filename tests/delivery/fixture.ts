/** What the tests of remote delivery share: an agent, hosts by address, and a resolver. */

import { encode } from "../../src/base/bytes.ts";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { seededRandom } from "../../src/base/random.ts";
import type { Attempt, DeliveryJob } from "../../src/delivery/delivery.ts";
import { RemoteAgent, type RemoteAgentOptions } from "../../src/delivery/remote_agent.ts";
import { ScriptedPeer } from "../../src/testing/scripted_peer.ts";
import type { PeerScript } from "../../src/testing/peer_script.ts";
import { tcpConn } from "../../src/wire/tcp_conn.ts";
import { type FakeName, FakeResolver } from "../dns/fake_resolver.ts";

/** A host: what it says, or that nobody listens there, or that nobody ever answers. */
export type Host = PeerScript | "closed" | "silent";

/** far.example with two hosts, mx1 (10) at 127.0.2.1 and mx2 (20) at 127.0.2.2. */
export const ZONES: Record<string, FakeName> = {
  "far.example": { mx: [[10, "mx1.far.example"], [20, "mx2.far.example"]] },
  "mx1.far.example": { a: ["127.0.2.1"] },
  "mx2.far.example": { a: ["127.0.2.2"] },
};

/** An agent among hosts. */
export class Fixture implements AsyncDisposable {
  readonly agent: RemoteAgent;
  readonly clock = new ManualClock();
  /** By address. */
  readonly peers: Record<string, ScriptedPeer> = {};
  /** Every address that was dialed. */
  readonly dialed: string[] = [];
  readonly #hosts: Record<string, Host>;

  constructor(hosts: Record<string, Host>, options: Partial<RemoteAgentOptions> = {}, zones = ZONES) {
    this.#hosts = hosts;
    for (const address of Object.keys(hosts)) this.set(address, hosts[address]!);
    this.agent = new RemoteAgent({
      resolver: new FakeResolver(zones),
      random: seededRandom(1),
      clock: this.clock,
      hostname: "near.example",
      ownNames: ["near.example"],
      allowPrivate: true,
      tls: "never",
      dial: (address, port, signal) => this.#dial(address, port, signal),
      ...options,
    });
  }

  /** Changes a host. */
  set(address: string, host: Host): void {
    this.#hosts[address] = host;
    if (typeof host === "string") return;
    const peer = this.peers[address];
    if (peer) peer.script = host;
    else this.peers[address] = ScriptedPeer.start(host, { hostname: address });
  }

  /** Delivers one job. */
  deliver(overrides: Partial<DeliveryJob> & { to?: string[] } = {}): Promise<Attempt[]> {
    return this.agent.deliver(job(overrides));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.agent.close();
    await Promise.all(Object.values(this.peers).map((peer) => peer.close()));
  }

  async #dial(address: string, _port: number, signal: AbortSignal) {
    this.dialed.push(address);
    const host = this.#hosts[address];
    if (host === "silent") {
      await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    }
    if (host === undefined || typeof host === "string") throw new Error(`${address} refused the connection`);
    return tcpConn(await Deno.connect({ hostname: address, port: this.peers[address]!.address.port }));
  }
}

/** A job for jsmith@far.example. */
export function job(overrides: Partial<DeliveryJob> & { to?: string[] } = {}): DeliveryJob {
  const { to = ["jsmith@far.example"], ...rest } = overrides;
  const bytes = encode("Subject: Hello\r\n\r\nHello\r\n");
  return {
    id: "06F8N3K0V5Q2ZR8T",
    sender: "brain@near.example",
    recipients: to.map((address) => ({ address })),
    domain: "far.example",
    size: bytes.length,
    parameters: {},
    text: () => [bytes],
    stillOurs: () => true,
    ...rest,
  };
}

/** Attempts in short: `delivered 2.0.0 end 250 mx1.far.example`. */
export function brief(attempts: readonly Attempt[]): string[] {
  return attempts.map(({ outcome: { kind, status, stage, code, host } }) =>
    [kind, status, stage, code, host].filter(Boolean).join(" ")
  );
}
