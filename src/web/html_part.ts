/** The frame for a message's HTML part, in which it can do no harm. */

import type { Attachment } from "../mail/message.ts";

/**
 * Nothing runs, nothing is loaded unless it is asked for, nothing leads out. Only our own page may frame it; that page's policy keeps the
 * frame from being led elsewhere.
 */
const CLOSED = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:";
/** The same, but that pictures, styles and fonts come from where the message says. */
const REMOTE = "sandbox; default-src 'none'; style-src 'unsafe-inline' http: https:; " +
  "img-src data: http: https:; font-src data: http: https:";
const ALWAYS = "form-action 'none'; base-uri 'none'; frame-ancestors 'self'";

/** Pictures that are put in place of `cid:` addresses, in all. */
const MAX_PICTURES = 5 * 1024 * 1024;
const PICTURE = /^image\/(?:png|jpeg|gif|webp|avif|bmp)$/;

/** In front of the message: light ground, readable type, nothing wider than the frame. */
const STYLE =
  "<style>html{color-scheme:light;background:#fff;color:#1c211b;font:15px/1.5 system-ui,sans-serif}" +
  "body{margin:12px}img{max-width:100%;height:auto}</style>";

/** The HTML part as a document for the frame; `remote`: somebody asked for what it loads from elsewhere. */
export function framedHtml(
  { html, attachments }: { html: string; attachments: readonly Attachment[] },
  { remote }: { remote: boolean },
): Response {
  const body = withPictures(harmless(html, remote), attachments);
  return new Response(`<!DOCTYPE html><meta charset="utf-8">${STYLE}${body}`, {
    headers: {
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": `${remote ? REMOTE : CLOSED}; ${ALWAYS}`,
      "x-frame-options": "SAMEORIGIN",
      "x-dns-prefetch-control": "off",
    },
  });
}

/**
 * The policy stops what loads and runs, but not everything that talks: a link element may open a connection without
 * loading anything, and a meta element may lead away. A tag begins with its name right behind the bracket, so they
 * are no such elements any more.
 */
function harmless(html: string, remote: boolean): string {
  return html.replace(remote ? /<(?=meta|base)/gi : /<(?=link|meta|base)/gi, "<x-");
}

/** Puts the message's own pictures in place of the addresses that name them. */
export function withPictures(html: string, attachments: readonly Attachment[]): string {
  const pictures = new Map<string, Attachment>();
  let left = MAX_PICTURES;
  for (const attachment of attachments) {
    const { contentId, contentType, bytes } = attachment;
    if (contentId === null || !PICTURE.test(contentType.toLowerCase()) || bytes.length > left) continue;
    left -= bytes.length;
    pictures.set(contentId, attachment);
  }
  if (pictures.size === 0) return html;
  let budget = 2 * MAX_PICTURES; // one picture may stand in several places
  return html.replace(/\bcid:([^"'\s<>)]{1,200})/gi, (whole, id: string) => {
    const picture = pictures.get(plainId(id));
    if (!picture || picture.bytes.length > budget) return whole;
    budget -= picture.bytes.length;
    return `data:${picture.contentType.toLowerCase()};base64,${picture.bytes.toBase64()}`;
  });
}

function plainId(id: string): string {
  try {
    return decodeURIComponent(id.replaceAll("&amp;", "&"));
  } catch {
    return id;
  }
}
