/** A server in memory, and its HTTP surface as a caller sees it. */

import type { Clock } from "../../src/base/clock.ts";
import { loadConfig } from "../../src/config/load.ts";
import type { FaultRules } from "../../src/faults/rules.ts";
import { Journal } from "../../src/observe/journal.ts";
import { MailServer } from "../../src/mail_server.ts";
import { type FakeName, FakeResolver } from "../dns/fake_resolver.ts";

export const TOKEN = "sesame-opens-the-door";
export const BASE = "http://localhost";

/** A server whose queue delivers nothing to other servers. */
export class Surface implements AsyncDisposable {
  private constructor(readonly server: MailServer) {}

  static async start(
    options: {
      clock?: Clock;
      config?: Record<string, unknown>;
      names?: Record<string, FakeName>;
      faults?: FaultRules;
      onDisk?: boolean;
    } = {},
  ): Promise<Surface> {
    const config = await loadConfig({
      env: {},
      overrides: {
        hostname: "mail.example.org",
        domains: ["example.org"],
        listen: { smtp: [], pop3: [], admin: [] },
        accounts: { "brain@example.org": { password: "narf", name: "Brain" } },
        aliases: { "staff@example.org": ["brain@example.org", "pinky@example.net"] },
        admin: { token: TOKEN },
        queue: { concurrency: 0 },
        limits: { messageSize: "300KiB" },
        ...options.config,
      },
    });
    const server = await MailServer.start(config, {
      inMemory: options.onDisk !== true,
      journal: new Journal(undefined),
      resolver: new FakeResolver(options.names ?? {}),
      ...(options.clock ? { clock: options.clock } : {}),
      ...(options.faults ? { faults: options.faults } : {}),
    });
    return new Surface(server);
  }

  /** A request as it is; the path begins with `/`. */
  fetch(path: string, init: RequestInit = {}): Promise<Response> {
    return Promise.resolve(this.server.fetch(new Request(BASE + path, init), "127.0.0.1"));
  }

  /** A call with the token; `json` becomes the body. */
  call(
    method: string,
    path: string,
    json?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Response> {
    return this.fetch(`/api/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${TOKEN}`,
        ...(json === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(json === undefined ? {} : { body: JSON.stringify(json) }),
    });
  }

  /** What a call answers as JSON; throws when it is not that status. */
  // deno-lint-ignore no-explicit-any
  async json(method: string, path: string, options: { body?: unknown; status?: number } = {}): Promise<any> {
    const response = await this.call(method, path, options.body);
    const text = await response.text();
    const { status = 200 } = options;
    if (response.status !== status) {
      throw new Error(`${method} ${path}: ${response.status} instead of ${status}: ${text}`);
    }
    return text === "" ? undefined : JSON.parse(text);
  }

  /** Sends a text; answers its id. */
  async send(
    envelope: { from?: string; to: string[] },
    text: string | Uint8Array<ArrayBuffer>,
  ): Promise<string> {
    const query = new URLSearchParams([
      ["from", envelope.from ?? "ann@example.com"],
      ...envelope.to.map((t) => ["to", t]),
    ]);
    const response = await this.fetch(`/api/v1/messages?${query}`, {
      method: "POST",
      headers: { authorization: `Bearer ${TOKEN}`, "content-type": "message/rfc822" },
      body: text,
    });
    const body = await response.json();
    if (response.status !== 202) throw new Error(JSON.stringify(body));
    return body.id;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.stop();
  }
}
