/** The mail server of one host of a loopback internet: up, down, and what arrives in its mailboxes. */

import { type Clock, systemClock } from "../base/clock.ts";
import type { Random } from "../base/random.ts";
import { concat, decode, encode } from "../base/bytes.ts";
import { loadConfig } from "../config/load.ts";
import { compose, type Composition } from "../intake/composition.ts";
import { FaultRules } from "../faults/rules.ts";
import { MailServer } from "../mail_server.ts";
import type { Outcome } from "../mail/outcome.ts";
import type { TlsMaterial } from "../wire/tls.ts";
import { SmtpClient } from "../smtp/client/client.ts";
import type { Journal, JournalEvent } from "../observe/journal.ts";
import { Inbox } from "./inbox.ts";
import { MemoryStore } from "../storage/memory_store.ts";

/** What a host is made with beside its domain. */
export interface HostOptions {
  /** Its name; default `mail.DOMAIN`. */
  readonly hostname?: string;
  /** Local parts and passwords of its accounts. */
  readonly accounts?: Readonly<Record<string, string>>;
  /**
   * More configuration, in the form of the file; what stands here wins, key by key within a section. With `dataDir` its
   * mail is on disk.
   */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Its certificate; without one it offers no TLS. */
  readonly certificate?: TlsMaterial;
  /** Gets all events. */
  readonly journal?: Journal;
  /** Called with each line of each conversation it begins with other hosts. */
  readonly trace?: (line: string) => void;
}

/**
 * A message to be sent, in the form that `POST /api/v1/messages` takes: `html`, base64 `content` of attachments and so
 * on. `text` with nothing but `from` and `to` beside it is a finished message with its header.
 */
export interface HostMessage extends Omit<Composition, "to"> {
  /** The recipients. */
  readonly to: string | readonly string[];
  /** Who logs in first, with AUTH at the submission port. Default: nobody, at the port for other servers. */
  readonly login?: { readonly user: string; readonly password: string };
}

/** Where a host stands. */
export interface Place {
  /** The domain it is mail host of. */
  readonly domain: string;
  /** Its own name. */
  readonly name: string;
  /** Its IP address. */
  readonly address: string;
  readonly smtpPort: number;
  /** `ip:port`. */
  readonly nameServer: string;
  /** It validates. */
  readonly dnssec: boolean;
}

/** What its internet gives each host. */
export interface Surrounding {
  readonly clock: Clock;
  readonly random: Random;
  readonly journal: Journal;
  /** Certificates that are trusted instead of the built-in ones, PEM. */
  readonly ca: readonly string[] | undefined;
  /** Where the policy hosts of other domains listen. */
  readonly policyPort: number;
  /** Lets time pass, for whoever asks over HTTP. */
  advance(ms: number): Promise<void>;
}

/** A mail server on an address of its own. */
export class Host {
  /** The domain it is mail host of. */
  readonly domain: string;
  /** Its own name. */
  readonly name: string;
  /** Its IP address. */
  readonly address: string;
  /** What it does wrong on purpose, up or down; none unless set. */
  readonly faults: FaultRules;
  readonly #place: Place;
  readonly #options: HostOptions & Surrounding;
  readonly #arrived: (JournalEvent & { type: "mailbox" })[] = [];
  readonly #unsubscribe: () => void;
  #waiting: (() => void)[] = [];
  readonly #memory: MemoryStore | undefined;
  #server: MailServer | undefined;

  /** Down until {@linkcode up}. */
  constructor(place: Place, options: HostOptions & Surrounding) {
    this.domain = place.domain;
    this.name = place.name;
    this.address = place.address;
    this.#place = place;
    this.#options = options;
    this.faults = new FaultRules({ random: options.random });
    this.#memory = options.config?.["dataDir"] === undefined ? new MemoryStore() : undefined;
    this.#unsubscribe = options.journal.on((event) => {
      if (event.type !== "mailbox") return;
      this.#arrived.push(event);
      for (const wake of this.#waiting.splice(0)) wake();
    });
  }

  /** The running server; throws while the host is down. */
  get server(): MailServer {
    if (!this.#server) throw new Error(`${this.name} is down`);
    return this.#server;
  }

  /** Does it run? */
  get isUp(): boolean {
    return this.#server !== undefined;
  }

  /** Where its SMTP listens. */
  get smtp(): { hostname: string; port: number } {
    return { hostname: this.address, port: this.#place.smtpPort };
  }

  /** Where its submission listens: the port for those who log in. */
  get submission(): { hostname: string; port: number } {
    return this.#listener("submission");
  }

  /** Where its POP3 listens. */
  get pop3(): { hostname: string; port: number } {
    return this.#listener("pop3");
  }

  #listener(kind: string): { hostname: string; port: number } {
    const [address] = this.server.addresses[kind] ?? [];
    if (address === undefined) {
      throw new Error(`${this.name} has no listener for ${kind} in its configuration`);
    }
    const at = address.lastIndexOf(":");
    return { hostname: address.slice(0, at).replace(/^\[|\]$/g, ""), port: Number(address.slice(at + 1)) };
  }

  /** Starts the server on the data it had. */
  async up(): Promise<void> {
    if (this.#server) return;
    const { accounts = {}, config = {}, clock, random, journal, trace, ca, policyPort } = this.#options;
    const loaded = await loadConfig({ env: {}, overrides: merged(this.#config(accounts), config) });
    this.#server = await MailServer.start(loaded, {
      clock,
      random,
      journal,
      faults: this.faults,
      ca,
      policyPort,
      advance: (ms) => this.#options.advance(ms),
      ...(this.#memory && { inMemory: this.#memory }),
      certificate: this.#options.certificate ?? null,
      ...(trace === undefined ? {} : { trace: (_id, line) => trace(line) }),
    });
  }

  /**
   * Sends a message to this host by SMTP, as a mail program would, and answers the final reply. Throws when a
   * recipient or the message is refused, or the login.
   */
  async send(message: HostMessage, trace?: (line: string) => void): Promise<string> {
    const { login } = message;
    const { from, to, content } = await contentOf(message, this.#options.clock.now());
    const { hostname, port } = login ? this.submission : this.smtp;
    const connected = await SmtpClient.connect({ host: this.name, address: hostname, port }, {
      hostname: "client.example",
      clock: systemClock,
      tls: "never",
      ...(login && { auth: login }),
      ...(trace && { trace }),
    });
    if (!connected.ok) throw refusal(this.name, connected.outcome);
    const { client } = connected;
    try {
      const outcomes = await client.send({
        sender: from,
        recipients: to.map((address) => ({ address })),
        size: content.length,
        parameters: { bodyType: "8BITMIME" },
        text: () => [content],
      });
      const refused = outcomes.find((o) => o.kind !== "delivered");
      if (refused) throw refusal(this.name, refused);
      return outcomes[0]!.text;
    } finally {
      await client.quit();
    }
  }

  /** What comes to an address here; a name without a domain is one at this host's. */
  inbox(address: string): Inbox {
    return new Inbox(address.includes("@") ? address : `${address}@${this.domain}`, () => this.server);
  }

  /** Stops the server; whoever connects is refused. */
  async down(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    await server?.stop();
  }

  /** Stops the server for good and forgets its mail. */
  async remove(): Promise<void> {
    this.#unsubscribe();
    await this.down();
    await this.#memory?.close();
  }

  /** The messages in a folder of a mailbox, oldest first; unless one is named of INBOX, as POP3 would give them. */
  async mailbox(localPart: string, folder = "INBOX"): Promise<string[]> {
    const { mailStore } = this.server;
    const texts: string[] = [];
    for (const entry of await mailStore.list(`${localPart}@${this.domain}`, { folder })) {
      const pieces: Uint8Array[] = [];
      for await (const piece of mailStore.read(entry)) pieces.push(piece);
      texts.push(decode(concat(pieces)));
    }
    return texts;
  }

  /**
   * Waits until a message that matches is in the mailbox (one that came before counts) and answers its text. Throws
   * when none came within `timeoutMs` of real time (default 5000).
   */
  async waitForMessage(
    localPart: string,
    matches: (text: string) => boolean = () => true,
    timeoutMs = 5000,
  ): Promise<string> {
    let late = false;
    const timer = systemClock.schedule(timeoutMs, () => {
      late = true;
      for (const wake of this.#waiting.splice(0)) wake();
    });
    try {
      while (!late) {
        const woken = new Promise<void>((resolve) => this.#waiting.push(resolve));
        const found = (await this.mailbox(localPart)).find(matches);
        if (found !== undefined) return found;
        await woken;
      }
      throw new Error(
        `No such message came to ${localPart}@${this.domain} within ${timeoutMs} ms; ${this.#arrived.length} came to this host`,
      );
    } finally {
      timer.cancel();
    }
  }

  #config(accounts: Readonly<Record<string, string>>): Record<string, unknown> {
    const { domain, name, address, smtpPort, nameServer, dnssec } = this.#place;
    return {
      hostname: name,
      domains: [domain],
      listen: {
        smtp: [`${address}:${smtpPort}`],
        submission: [`${address}:0`],
        pop3: [`${address}:0`],
        admin: [],
      },
      accounts: Object.fromEntries(
        Object.entries(accounts).map((
          [local, password],
        ) => [`${local}@${domain}`, { password, name: local }]),
      ),
      relay: { networks: ["127.0.0.0/8"] },
      dns: { nameServer, dnssec },
      outbound: { port: smtpPort, allowPrivate: true },
    };
  }
}

/**
 * What is given of a section leaves the rest of it as it is: a host whose `dns` has only another time-out must not ask the
 * machine's own name server.
 */
function merged(own: Readonly<Record<string, unknown>>, given: Readonly<Record<string, unknown>>) {
  const result = { ...own };
  for (const [key, value] of Object.entries(given)) {
    result[key] = isSection(own[key]) && isSection(value) ? { ...own[key], ...value } : value;
  }
  return result;
}

function isSection(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function refusal(host: string, { code, status, text }: Outcome): Error {
  return new Error(`${host}: ${code === undefined ? "" : `${code} `}${status} ${text}`);
}

/** The envelope and the octets of a message that is given in parts, or is finished. */
async function contentOf(
  message: HostMessage,
  now: number,
): Promise<{ from: string; to: readonly string[]; content: Uint8Array }> {
  const { login: _, to: given, ...parts } = message;
  const to = typeof given === "string" ? [given] : given;
  const { from, text, ...others } = parts;
  if (text === undefined || Object.values(others).some((part) => part !== undefined)) {
    return await compose({ ...parts, to }, now);
  }
  return { from, to, content: encode(text) };
}
