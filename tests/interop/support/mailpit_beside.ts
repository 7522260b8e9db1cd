/** The real Mailpit, beside a test. */

import { answers, end } from "./programs.ts";
import { SmtpTalk } from "../../e2e/support/smtp_talk.ts";

const MAILPIT = Deno.env.get("INTEROP_MAILPIT") ?? "/opt/dinopost-interop/mailpit/mailpit";

/** A server that takes mail and answers Mailpit's API, by its ports on 127.0.0.1. */
export interface Side {
  readonly http: number;
  readonly smtp: number;
}

/** Starts it, on ports that are free; the answer ends it. Throws where it is not installed. */
export async function startMailpit(): Promise<Side & AsyncDisposable> {
  const [http, smtp] = [freePort(), freePort()];
  const args = ["--listen", `127.0.0.1:${http}`, "--smtp", `127.0.0.1:${smtp}`, "--disable-version-check"];
  args.push("--smtp-disable-rdns", "--enable-chaos", "--smtp-auth-accept-any", "--smtp-auth-allow-insecure");
  const child = new Deno.Command(MAILPIT, { args, stdout: "null", stderr: "null" }).spawn();
  for (const port of [http, smtp]) await answers("127.0.0.1", port);
  return { http, smtp, [Symbol.asyncDispose]: () => end(child) };
}

/** Sends a message there, an octet for each character; answers what is said to its text. */
export async function sendTo({ smtp }: Side, { from = "env@example.com", to, text, login }: {
  from?: string;
  /** The name of somebody whose password does not matter. Default: nobody logs in. */
  login?: string | undefined;
  to: readonly string[];
  text: string;
}): Promise<string> {
  using talk = await SmtpTalk.connect({ hostname: "127.0.0.1", port: smtp });
  if (login !== undefined) await talk.ask(`AUTH PLAIN ${btoa(`\0${login}\0secret`)}`, "235");
  const reply = await talk.send({ from, to, text: text.replaceAll(/\r?\n/g, "\r\n") });
  await talk.ask("QUIT", "221");
  return reply;
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
