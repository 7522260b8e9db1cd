/** @jsxImportSource hono/jsx */
/** The sending of views: the data that each gets, and the headers they go with. */

import type { Child } from "hono/jsx";
import type { Context } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import type { PageContext, PageEnv, Section, View } from "./context.ts";
import { localPath, withParameter } from "./forms.ts";
import { Layout } from "./layout.tsx";
import type { FlashMessage } from "./flash_messages.ts";
import type { Waiting } from "../queue/queue.ts";
import { countAtHand } from "./waiting.ts";

/** Scripts, styles and connections from this server only; no frame but a message's, no form that leads elsewhere. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
  "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/** Sends a whole document. */
export async function sendDocument(
  c: Context<PageEnv>,
  document: Child,
  status: ContentfulStatusCode = 200,
): Promise<Response> {
  return c.html(`<!DOCTYPE html>${await document}`, status, {
    "content-security-policy": POLICY,
    "x-dns-prefetch-control": "off",
  });
}

/** Sends a view in the frame of the page; `body` makes it. */
export async function show(
  c: Context<PageEnv>,
  page: PageContext,
  of: {
    title: string;
    at: Section | undefined;
    status?: ContentfulStatusCode;
    /** What the view shows of the queue, so that all of it is of one look. */
    waiting?: Pick<Waiting, "size" | "whole">;
    body: (view: View) => Child;
  },
): Promise<Response> {
  const { options, server, flashMessages } = page;
  const url = new URL(c.req.url);
  const flashMessage = flashMessages.take(url.searchParams.get("notice") ?? undefined);
  url.searchParams.delete("notice");
  const waiting = of.waiting
    ? of.waiting.whole ? of.waiting.size : undefined
    : await countAtHand(options.queue, options.clock);
  const view: View = {
    now: options.clock.now(),
    hostname: server.hostname,
    version: options.version,
    user: c.get("user"),
    csrf: c.get("csrf"),
    here: url.pathname + url.search,
    flashMessage,
    waiting,
    unseen: options.captured?.unseen,
    open: options.open ?? false,
  };
  return await sendDocument(
    c,
    <Layout view={view} title={of.title} at={of.at}>{of.body(view)}</Layout>,
    of.status,
  );
}

/** Leads back after an action, and says there what was done; `isChanged`: something was, though not all of it. */
export function goBack(
  c: Context<PageEnv>,
  page: PageContext,
  to: { back: string; otherwise: string; flashMessage?: FlashMessage; isChanged?: boolean },
): Response {
  const path = localPath(to.back, to.otherwise);
  page.queueStats.expire();
  if (to.flashMessage?.kind === "error" && !to.isChanged) c.set("unchanged", true);
  if (!to.flashMessage) return c.redirect(path, 303);
  return c.redirect(withParameter(path, "notice", page.flashMessages.put(to.flashMessage)), 303);
}
