/** The letters and requests of the dialects' tests. */

import { CapturingServer } from "../capture/capturing_server.ts";

/** A letter with alternatives, a picture within it, an attachment, and a hidden recipient. */
export const LETTER = `From: "Ann Lee" <ann@example.com>
To: Bob <bob@example.net>, carl@example.net
Cc: "Dee, D." <dee@example.net>
Reply-To: help@example.com
Subject: =?utf-8?q?Your_code_caf=C3=A9?=
Date: Fri, 27 Nov 2026 10:00:00 +0100
Message-ID: <one@example.com>
List-Unsubscribe: <mailto:u@example.com>, <https://example.com/u>
X-Tags: Red, blue
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="m"

--m
Content-Type: multipart/related; boundary="r"

--r
Content-Type: multipart/alternative; boundary="a"

--a
Content-Type: text/plain; charset=utf-8

Hello   there, your code is 1234.
http://127.0.0.1:9/x
--a
Content-Type: text/html; charset=utf-8

<style>p{display:grid}</style><p>Hello <b>there</b> &amp; you</p><a href="#more"></a><img src="cid:pic@x">
--a--
--r
Content-Type: image/png; name="pic.png"
Content-ID: <pic@x>
Content-Disposition: inline; filename="pic.png"
Content-Transfer-Encoding: base64

iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==
--r--
--m
Content-Type: application/pdf; name="a b.pdf"
Content-Disposition: attachment; filename="a b.pdf"
Content-Transfer-Encoding: base64

JVBERi0xLjQK
--m--
`.replaceAll("\n", "\r\n");

/** Plain text, and nothing that people are named in but the sender. */
export const PLAIN = "From: p@example.com\r\nSubject: plain words\r\n\r\nlong text\r\n";

/** The recipients of {@linkcode LETTER}. */
export const TO = ["bob@example.net", "carl@example.net", "dee@example.net", "hidden@example.net"];

/** An answer, read. */
export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
  // deno-lint-ignore no-explicit-any
  readonly json: any;
}

/** Asks; `body` is sent as JSON, a text as it is. */
export async function ask(town: CapturingServer, call: string, body?: unknown): Promise<Answer> {
  const [method = "", path = ""] = call.split(" ");
  const sent = typeof body === "string" ? body : JSON.stringify(body);
  const init = body === undefined ? {} : { body: sent, headers: { "content-type": "application/json" } };
  const answer = await town.ask(path, { method, redirect: "manual", ...init });
  const text = await answer.text();
  const type = answer.headers.get("content-type")?.split(";")[0] ?? "";
  return { status: answer.status, type, text, json: type === "application/json" ? JSON.parse(text) : null };
}

/** A server with {@linkcode LETTER} and, later, {@linkcode PLAIN}; and their ids. */
export async function townWithLetters(config: Readonly<Record<string, unknown>> = {}) {
  const town = await CapturingServer.start({ config });
  const letter = await town.send({ to: TO, text: LETTER });
  const plain = await town.send({ to: ["bob@example.net"], text: PLAIN });
  return { town, letter, plain, [Symbol.asyncDispose]: () => town[Symbol.asyncDispose]() };
}
