/** Load on a server that may die at any moment: who sends what, and what was promised for it. */

import type { Random } from "../../../src/base/random.ts";
import { letter } from "./letters.ts";
import { SmtpTalk } from "./smtp_talk.ts";

/** Where the recipients of the load are. */
export interface Directory {
  /** Every address that may be written to, and where its copies go: mailboxes and remote addresses. */
  readonly addresses: ReadonlyMap<string, readonly string[]>;
  /** Addresses that are chosen rarely, since what is sent there never leaves. */
  readonly rare: readonly string[];
}

/** A letter that was begun. */
export interface Sent {
  readonly n: number;
  /** Where copies of it go: addresses, each once. */
  readonly goesTo: ReadonlySet<string>;
  /** The server said 250 behind its end: it must not get lost. */
  promised: boolean;
  /** The server said no behind its end: it must not be anywhere. */
  refused?: string;
}

/** Clients that send letters for as long as they are let. */
export class Load {
  /** Every letter that was begun, by its number. */
  readonly sent = new Map<number, Sent>();
  promised = 0;
  /** How often a client was asked to come again (451), at whatever command. */
  putOff = 0;
  readonly #directory: Directory;
  readonly #random: Random;
  readonly #watchers: (() => void)[] = [];

  constructor(directory: Directory, random: Random) {
    this.#directory = directory;
    this.#random = random;
  }

  /** Runs so many clients until the signal; one whose server dies, or takes nothing for now, goes. */
  async run(server: { hostname: string; port: number }, clients: number, stop: AbortSignal): Promise<void> {
    await Promise.all(Array.from({ length: clients }, () => this.#client(server, stop)));
  }

  /** The same with clients that come again in a moment. */
  async insist(
    server: { hostname: string; port: number },
    clients: number,
    stop: AbortSignal,
  ): Promise<void> {
    await Promise.all(Array.from({ length: clients }, async () => {
      while (!stop.aborted) {
        await this.#client(server, stop);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }));
  }

  /** Resolves when one more letter was promised, or the signal comes. */
  async another(stop: AbortSignal): Promise<void> {
    const before = this.promised;
    stop.addEventListener("abort", () => this.#changed(), { once: true });
    while (this.promised === before && !stop.aborted) {
      await new Promise<void>((resolve) => this.#watchers.push(resolve));
    }
  }

  async #client(server: { hostname: string; port: number }, stop: AbortSignal): Promise<void> {
    while (!stop.aborted) {
      try {
        using talk = await SmtpTalk.connect(server);
        const letters = 1 + this.#pick(40);
        for (let i = 0; i < letters && !stop.aborted; i++) await this.#send(talk);
        if (!stop.aborted) await talk.ask("QUIT", "221");
      } catch (error) {
        // it died, or said no: what was under way stays without a promise
        if (/ said 451 4\.3\./.test(String(error))) this.putOff++;
        return;
      }
    }
  }

  async #send(talk: SmtpTalk): Promise<void> {
    const n = this.sent.size + 1;
    const to = this.#recipients();
    const goesTo = new Set(to.flatMap((address) => this.#directory.addresses.get(address)!));
    const large = this.#pick(30) === 0;
    const sent: Sent = { n, goesTo, promised: false };
    this.sent.set(n, sent);
    const reply = await talk.send({
      from: "sender@client.example",
      to,
      text: letter(n, large ? 300 * 1024 : 200 + this.#pick(4000)),
    });
    if (!reply.startsWith("250 ")) {
      sent.refused = reply;
      if (reply.startsWith("451 4.3.")) this.putOff++;
      return;
    }
    sent.promised = true;
    this.promised++;
    this.#changed();
  }

  #recipients(): string[] {
    const { addresses, rare } = this.#directory;
    const usual = [...addresses.keys()].filter((address) => !rare.includes(address));
    const count = 1 + (this.#pick(3) === 0 ? this.#pick(4) : 0);
    const chosen = new Set<string>();
    while (chosen.size < count) chosen.add(usual[this.#pick(usual.length)]!);
    if (this.#pick(60) === 0) chosen.add(rare[this.#pick(rare.length)]!);
    return [...chosen];
  }

  #pick(count: number): number {
    return Math.floor(this.#random.float() * count);
  }

  #changed(): void {
    for (const watcher of this.#watchers.splice(0)) watcher();
  }
}
