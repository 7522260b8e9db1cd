/** The loopback internet: named hosts with addresses of their own, DNS, and time that is moved. */

import { getAvailablePort } from "@std/net";
import type { Timer } from "../base/clock.ts";
import { ManualClock } from "../base/manual_clock.ts";
import { type Random, seededRandom, systemRandom } from "../base/random.ts";
import { TimePassage } from "../base/time_passage.ts";
import { parseDuration } from "../base/units.ts";
import { Journal } from "../observe/journal.ts";
import { DnsServer, type ZoneEntry, type Zones } from "./dns_server.ts";
import { Host, type HostOptions } from "./host.ts";
import type { PeerScript } from "./peer_script.ts";
import { ScriptedPeer } from "./scripted_peer.ts";

/** How to start a {@linkcode LoopbackInternet}. */
export interface LoopbackInternetOptions {
  /** What the clock shows first; default Monday, 5 January 2026, 09:00 UTC. */
  readonly start?: string;
  /** The port that all hosts use for SMTP between each other; default one that is free. */
  readonly smtpPort?: number;
  /** Makes chance repeatable. */
  readonly seed?: number;
  /** The name server validates DNSSEC: all names are secure that aren't `insecure`, and all hosts trust it. */
  readonly dnssec?: boolean;
  /** Certificates (PEM) that all hosts trust instead of the built-in ones, when they verify another. */
  readonly ca?: readonly string[];
  /** What the DNS says from the start; names are lower case, without the final dot. */
  readonly zones?: Zones;
}

/** Work waits for the clock when nobody has looked at that for so many turns. */
const STALL_TURNS = 10;

/** A clock that knows how often it was looked at: whoever reads from a connection or writes to it does. */
class WatchedClock extends ManualClock {
  looks = 0;

  override now(): number {
    this.looks++;
    return super.now();
  }

  override monotonic(): number {
    this.looks++;
    return super.monotonic();
  }

  override schedule(delayMs: number, fn: () => void): Timer {
    this.looks++;
    return super.schedule(delayMs, fn);
  }
}

/** An internet of mail servers inside one process. */
export class LoopbackInternet implements AsyncDisposable {
  /** The time on all hosts; stands still until it is moved. */
  readonly clock: ManualClock;
  readonly #time: TimePassage;
  /** The name server of all hosts. Its zones may be changed at any time. */
  readonly dns: DnsServer;
  /** The port of SMTP between hosts. */
  readonly smtpPort: number;
  /** The port of HTTPS on the hosts of MTA-STS policies. */
  readonly policyPort: number;
  readonly #dnssec: boolean;
  readonly #ca: readonly string[] | undefined;
  readonly #random: Random;
  readonly #network: string;
  readonly #hosts: Host[] = [];
  readonly #peers: ScriptedPeer[] = [];
  #addresses = 0;

  private constructor(dns: DnsServer, options: LoopbackInternetOptions) {
    this.dns = dns;
    const clock = this.clock = new WatchedClock(options.start);
    const works = () => this.#hosts.filter((host) => host.isUp).flatMap((host) => host.server.works);
    this.#time = new TimePassage({ clock, works, stallTurns: STALL_TURNS, moments: Infinity });
    this.smtpPort = options.smtpPort ?? getAvailablePort();
    this.policyPort = getAvailablePort();
    this.#ca = options.ca;
    this.#dnssec = options.dnssec ?? false;
    this.#random = options.seed === undefined ? systemRandom : seededRandom(options.seed);
    // Several internets may run at once on this machine: each takes a corner of 127.0.0.0/8.
    const [a, b] = systemRandom.bytes(2) as unknown as [number, number];
    this.#network = `127.${1 + (a % 250)}.${b}`;
  }

  /** Starts the name server; hosts are added with {@linkcode host}. */
  static async start(options: LoopbackInternetOptions = {}): Promise<LoopbackInternet> {
    const authentic = options.dnssec ?? false;
    return new LoopbackInternet(await DnsServer.start({ zones: { ...options.zones }, authentic }), options);
  }

  /** An address of this internet that nobody uses yet. */
  address(): string {
    return `${this.#network}.${++this.#addresses}`;
  }

  /**
   * Adds a mail server for `domain`, at an address of its own, named in the DNS (`mail.domain` is its MX host).
   * Its data is kept while it is down.
   */
  async host(domain: string, options: HostOptions = {}): Promise<Host> {
    const address = this.address();
    const name = options.hostname ?? `mail.${domain}`;
    const zones = this.dns.zones;
    zones[domain] ??= { MX: [[10, name]] };
    zones[name] ??= { A: [address] };
    const { clock, smtpPort } = this;
    const host = new Host(
      { domain, name, address, smtpPort, nameServer: this.dns.address, dnssec: this.#dnssec },
      {
        clock,
        random: this.#random,
        journal: options.journal ?? new Journal(undefined),
        advance: (ms: number) => this.pass(ms),
        ca: this.#ca,
        policyPort: this.policyPort,
        ...options,
      },
    );
    await host.up();
    this.#hosts.push(host);
    return host;
  }

  /**
   * Adds a server that says what its script has, as the MX host (`mx.domain`) of `domain`, at an address of its own.
   * Its delays are those of the internet's clock.
   */
  peer(domain: string, script: PeerScript = {}): ScriptedPeer {
    const name = `mx.${domain}`;
    const { clock, smtpPort: port } = this;
    const peer = ScriptedPeer.start(script, { hostname: this.address(), port, clock });
    this.zone(domain, { MX: [[10, name]] });
    this.zone(name, { A: [peer.address.hostname] });
    this.#peers.push(peer);
    return peer;
  }

  /** What the DNS says of a name from now on; hosts that asked before know it for its time to live. */
  zone(name: string, entry: ZoneEntry): void {
    this.dns.zones[name] = entry;
  }

  /**
   * Lets time pass: `"5d"`, `"15m"` or milliseconds. The clock goes from one timer to the next, and what each sets
   * off (real connections, real disk) ends before the next one fires.
   */
  async pass(time: string | number): Promise<void> {
    const ms = parseDuration(time);
    if (ms === undefined) throw new TypeError(`${time} is no duration; write "15m", "4h" or milliseconds`);
    await this.#time.pass(ms);
  }

  /** Resolves when nothing is due or under way on any host, or when what is under way waits for the clock. */
  settled(): Promise<void> {
    return this.#time.settled();
  }

  /** Throws when a rule of faults never acted, and names each such rule with its host. */
  assertFaultsActed(): void {
    const unused = this.#hosts.flatMap(({ name, faults }) =>
      faults.unused().map((rule) => `${name}: ${JSON.stringify(rule)}`)
    );
    if (unused.length > 0) throw new Error(`Rules of faults that never acted:\n  ${unused.join("\n  ")}`);
  }

  /** Stops every host, every peer and the DNS. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#hosts.map((host) => host.remove()));
    await Promise.all(this.#peers.map((peer) => peer.close()));
    await this.dns.close();
  }
}
