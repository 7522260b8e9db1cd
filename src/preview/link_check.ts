/**
 * The check of a message's links: where each of them leads, by asking. It goes to nobody unless somebody asks for it,
 * and never to an address that strangers must not make this server talk to, on no hop. Node's client is used since it
 * lets us see the address that is connected to.
 */

import { request as requestHttp, type RequestOptions } from "node:http";
import { request as requestHttps } from "node:https";
import type { Clock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import { Semaphore } from "../base/semaphore.ts";
import { TimeLimit } from "../base/time_limit.ts";
import { AddressRefused, guardedLookup, refuseAddress } from "../dns/guarded_lookup.ts";
import { tagsOf } from "../mail/html_tags.ts";
import { linksOf } from "../mail/links.ts";

/** Where something leads that a message names. */
export interface MessageLink {
  readonly url: string;
  /** `link`: somewhere to go; `image` and `style`: what is loaded for its looks. */
  readonly kind: "link" | "image" | "style";
}

/** What came of one. */
export interface LinkResult extends MessageLink {
  /** The status of the last answer; 0: there was none. */
  readonly status: number;
  /** The status in words, or why there was no answer. */
  readonly text: string;
  /** It answered with 2xx, or with 3xx where redirects are not followed. */
  readonly ok: boolean;
  /** It leads to an address that is not asked, and nobody was. */
  readonly refused?: true;
  /** Where its redirects led, the last one last. */
  readonly redirects: readonly string[];
}

/** What came of all. */
export interface LinkCheck {
  /** In their order in the message. */
  readonly links: readonly LinkResult[];
  /** Links beyond the most that are asked for. */
  readonly left: number;
}

/** How it is done. */
export interface LinkCheckOptions {
  readonly clock: Clock;
  /** Loopback, private and link-local addresses may be connected to. */
  readonly allowPrivate: boolean;
  /** Ends it. */
  readonly signal: AbortSignal;
  /** Go where redirects lead? Default: yes. */
  readonly follow?: boolean;
}

/** Links that are asked for; at once; hops of one; milliseconds for one with its hops, and for all. */
const MOST = 100;
const AT_ONCE = 8;
const MAX_HOPS = 5;
const LINK_MS = 10_000;
const ALL_MS = 30_000;
/** Longer ones are no links. */
const MAX_URL = 4096;

/** What stands behind a message's links and pictures, each once; `cid:` and other schemes lead nowhere. */
export function messageLinks({ text, html }: { text: string | null; html: string | null }): MessageLink[] {
  const links = new Map<string, MessageLink>();
  const add = (url: string, kind: MessageLink["kind"]) => {
    if (url.length <= MAX_URL && URL.canParse(url) && !links.has(url)) links.set(url, { url, kind });
  };
  for (const url of linksOf(text, html)) add(url, "link");
  for (const { name, attributes } of tagsOf(html ?? "")) {
    const isStyle = name === "link" && /\bstylesheet\b/i.test(attributes.get("rel") ?? "");
    const url = attributes.get(isStyle ? "href" : name === "img" ? "src" : "background")?.trim() ?? "";
    if (/^https?:\/\//i.test(url)) add(url, isStyle ? "style" : "image");
  }
  return [...links.values()];
}

/** Asks for each link: HEAD, then GET where HEAD was not answered well. It never rejects for what they answer. */
export async function checkLinks(
  all: readonly MessageLink[],
  options: LinkCheckOptions,
): Promise<LinkCheck> {
  const places = new Semaphore(AT_ONCE);
  using limit = new TimeLimit(ALL_MS, options);
  const links = await Promise.all(
    all.slice(0, MOST).map((link) => places.run(() => checkLink(link, { ...options, signal: limit.signal }))),
  );
  return { links, left: Math.max(0, all.length - MOST) };
}

interface Answer {
  readonly status: number;
  readonly text: string;
  /** Where it redirects to. */
  readonly location: string | undefined;
}

async function checkLink(link: MessageLink, options: LinkCheckOptions): Promise<LinkResult> {
  using limit = new TimeLimit(LINK_MS, options);
  const redirects: string[] = [];
  const result = ({ status, text }: { status: number; text: string }, ok: boolean): LinkResult => {
    return { ...link, status, text, ok, redirects };
  };
  try {
    for (let url = new URL(link.url);;) {
      const answer = await answerOf(url, { ...options, signal: limit.signal });
      const { status, location } = answer;
      if (location === undefined) return result(answer, status >= 200 && status < 300);
      if (options.follow === false) return result(answer, true);
      if (!URL.canParse(location, url)) {
        throw new Error(`It leads to ${location.slice(0, 200)}, which is no URL`);
      }
      url = new URL(location, url);
      redirects.push(url.href);
      if (redirects.length > MAX_HOPS) throw new Error(`It leads on more than ${MAX_HOPS} times`);
    }
  } catch (error) {
    const reason = limit.signal.aborted ? limit.signal.reason : error;
    const failed = result({ status: 0, text: messageOf(reason) }, false);
    return reason instanceof AddressRefused ? { ...failed, refused: true } : failed;
  }
}

/** What a URL answers to HEAD; to GET where that is an error, since many know no HEAD. */
async function answerOf(url: URL, options: LinkCheckOptions): Promise<Answer> {
  const answer = await ask("HEAD", url, options);
  return answer.status >= 400 ? await ask("GET", url, options) : answer;
}

function ask(method: "HEAD" | "GET", url: URL, options: LinkCheckOptions): Promise<Answer> {
  if (!/^https?:$/.test(url.protocol)) throw new Error(`It leads to ${url.protocol}, which is not asked`);
  refuseAddress(url, options.allowPrivate);
  const { signal } = options;
  signal.throwIfAborted();
  const how: RequestOptions = {
    method,
    headers: { "user-agent": "dinopost (a check of the links of a message)", accept: "*/*" },
    agent: false,
    signal,
    lookup: guardedLookup(options.allowPrivate),
  };
  const request = url.protocol === "https:" ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    const outgoing = request(url, how, (answer) => {
      const { statusCode: status = 0, statusMessage = "", headers } = answer;
      answer.destroy(); // what it says beside the head matters to nobody
      const isRedirect = [301, 302, 303, 307, 308].includes(status);
      resolve({
        status,
        text: `${status} ${statusMessage}`.trim(),
        location: isRedirect ? headers.location : undefined,
      });
    });
    outgoing.on("error", reject);
    outgoing.end();
  });
}
