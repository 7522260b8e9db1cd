/** The page in a real browser: a server with something to show, Chromium, and what it must not do. */

import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { DnsServer, ScriptedPeer } from "../../../src/testing/mod.ts";
import { FREE_PORTS, ServerProcess } from "../../e2e/support/server_process.ts";
import { SmtpTalk } from "../../e2e/support/smtp_talk.ts";
import { removeTree, until } from "./programs.ts";

/** What opens the page. */
export const TOKEN = "the-token-of-the-desk";
/** Whose mailbox is looked into. */
export const BRAIN = "brain@howstuffworks.com";
/** What opens that. */
export const PASSWORD = "gRiZZly+bear:7";

/** Where Debian has it. */
export const CHROMIUM = "/usr/bin/chromium";
const PATIENCE_MS = 15_000;
/** Pictures go here when the variable names a folder; never into the tree. */
const PICTURES = Deno.env.get("INTEROP_PICTURES");

/** A server whose page is looked at. */
export class Desk implements AsyncDisposable {
  /** What the pages did that none should: questions by scripts, requests to elsewhere, errors, broken policies. */
  readonly misdeeds: string[] = [];

  private constructor(
    readonly dir: string,
    readonly server: ServerProcess,
    readonly browser: Browser,
    readonly dns: DnsServer,
    readonly peer: ScriptedPeer,
  ) {}

  /** Opens it: `there.example` takes mail, `busy.example` says 450, `down.example` is down. Without a token one is made. */
  static async open(more: Record<string, unknown> = {}, { token = true } = {}): Promise<Desk> {
    const dir = await Deno.makeTempDir({ prefix: "dinopost_window_" });
    const peer = ScriptedPeer.start({
      rcpt: (line) =>
        line.includes("busy.example") ? "450 4.2.1 The mailbox is busy, come back later" : "250 2.1.5 Ok",
    });
    const { hostname, port } = peer.address;
    const dns = await DnsServer.start({
      zones: {
        "there.example": { MX: [[10, "mx.there.example"]] },
        "mx.there.example": { A: [hostname] },
        "busy.example": { MX: [[10, "mx.busy.example"]] },
        "mx.busy.example": { A: [hostname] },
        "down.example": { MX: [[10, "mx.down.example"]] },
        "mx.down.example": { A: ["127.0.53.1"] },
      },
    });
    const config = {
      hostname: "mail.howstuffworks.com",
      domains: ["howstuffworks.com"],
      accounts: {
        [BRAIN]: { password: PASSWORD, name: "The Brain", quota: "1GiB" },
        "marshall@howstuffworks.com": { password: "battery staple", name: "Marshall" },
      },
      aliases: { "staff@howstuffworks.com": [BRAIN, "marshall@howstuffworks.com"] },
      relay: { networks: ["127.0.0.1"] },
      dns: { nameServer: dns.address },
      outbound: { allowPrivate: true, port },
      ...more,
    };
    await Deno.writeTextFile(`${dir}/dinopost.jsonc`, JSON.stringify(config));
    const env = { ...FREE_PORTS, ...(token && { DINOPOST_ADMIN_TOKEN: TOKEN }) };
    const server = await ServerProcess.ready({ cwd: dir, env });
    const browser = await chromium.launch({
      executablePath: CHROMIUM,
      args: ["--no-sandbox", "--disable-dev-shm-usage"],
      timeout: 30_000,
    });
    return new Desk(dir, server, browser, dns, peer);
  }

  /** A letter from somebody. Answers what the server said. */
  async write(message: { from: string; to: readonly string[]; text: string }): Promise<string> {
    using talk = await SmtpTalk.connect(this.server.address("smtp"));
    return await talk.send(message);
  }

  /** A plain letter; answers its queue id. */
  async letter(to: string, subject: string, from = BRAIN): Promise<string> {
    const text = `From: ${from}\r\nTo: ${to}\r\nSubject: ${subject}\r\n` +
      "Date: Mon, 5 Jan 2026 09:00:00 +0000\r\n\r\nHow are you, old friend?\r\n";
    return /queued as (\w+)/.exec(await this.write({ from, to: [to], text }))?.[1] ?? "";
  }

  /** Resolves when so many messages wait for their time. */
  async deferred(count: number): Promise<void> {
    await until(`${count} deferred messages`, async () => {
      const { body } = await this.api("GET", "/queue/summary");
      return (body as { byState: { deferred: number } }).byState.deferred >= count ? true : undefined;
    });
  }

  /** Calls the API. */
  async api(method: string, path: string, json?: unknown): Promise<{ status: number; body: unknown }> {
    const headers = { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" };
    const body = json === undefined ? null : JSON.stringify(json);
    const response = await fetch(`${this.server.url}/api/v1${path}`, { method, headers, body });
    const text = await response.text();
    return { status: response.status, body: text === "" ? undefined : JSON.parse(text) };
  }

  /** A fresh browser profile, not logged in; all it does is watched. */
  async profile(options: BrowserContextOptions = {}): Promise<Page> {
    const context = await this.browser.newContext({ baseURL: this.server.url, ...options });
    context.setDefaultTimeout(PATIENCE_MS);
    const page = await context.newPage();
    page.on("dialog", (dialog) => {
      this.misdeeds.push(`a script asks: ${dialog.message()}`);
      dialog.dismiss().catch(() => {});
    });
    const isElsewhere = (url: string) => !url.startsWith(this.server.url) && !/^(data|blob|about):/.test(url);
    page.on("requestfinished", (request) => {
      if (isElsewhere(request.url())) this.misdeeds.push(`a request to ${request.url()}`);
    });
    // what the policy stops is no request, but it is told as one that failed
    page.on("requestfailed", (request) => {
      const why = request.failure()?.errorText;
      if (isElsewhere(request.url()) && why !== "csp") {
        this.misdeeds.push(`a request to ${request.url()}: ${why}`);
      }
    });
    page.on("pageerror", (error) => this.misdeeds.push(`an error: ${error.message}`));
    page.on("console", (message) => {
      // who is not logged in gets 401, as it should be
      if (message.type() === "error" && !/status of 4\d\d/.test(message.text())) {
        this.misdeeds.push(`the console says: ${message.text()}`);
      }
    });
    return page;
  }

  /** A fresh profile that has logged in, and is at `path`. */
  async visitor(path = "/", options: BrowserContextOptions = {}): Promise<Page> {
    const page = await this.profile(options);
    await page.goto(`/login?next=${encodeURIComponent(path)}`);
    await page.fill("#token", TOKEN);
    await page.press("#token", "Enter");
    await page.waitForURL((url) => url.pathname + url.search === path);
    return page;
  }

  /** Takes a picture, where pictures are wanted. */
  async picture(page: Page, name: string): Promise<void> {
    if (PICTURES) await page.screenshot({ path: `${PICTURES}/${name}.png`, fullPage: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.browser.close();
    await this.server[Symbol.asyncDispose]();
    await this.peer[Symbol.asyncDispose]();
    await this.dns[Symbol.asyncDispose]();
    await removeTree(this.dir);
  }
}
