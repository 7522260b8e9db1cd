/** The rows of the table that measure searches of a large mailbox: the first one, and those that follow. */

import type { Bench } from "./bench.ts";
import { ServerProcess } from "./server_process.ts";
import { recipientOf } from "./smtp_client.ts";

const TO = "user@local.test";
const ROUNDS = 7;
const PAGE = 50;

/** What is looked for, each in the whole mailbox. */
const QUERIES: Readonly<Record<string, string>> = {
  "to:": `to:${recipientOf(7)}`,
  "a subject": 'subject:"order 77 is"',
  "what no head has": "from:nobody",
  "a word that all have": "yours",
  "a word that one has": "number77",
};

interface Answer {
  readonly items: readonly unknown[];
  readonly cursor: string | null;
  readonly looked: { readonly messages: number; readonly of: number };
}

/** Fills a mailbox and searches it; a new message between two searches must not make it cold. */
export async function search(bench: Bench): Promise<void> {
  await using server = await ServerProcess.start(bench.folder(), "local");
  await send(bench, server, bench.searched);
  const of = `in a mailbox of ${bench.searched.toLocaleString("en")}`;
  for (const [what, q] of Object.entries(QUERIES)) {
    bench.tell({ what: `first search for ${what} ${of}`, value: (await searched(server, q)).ms, unit: "ms" });
    const times: number[] = [];
    for (let n = 0; n < ROUNDS; n++) {
      await send(bench, server, 1);
      times.push((await searched(server, q)).ms);
    }
    const value = times.sort((a, b) => a - b)[ROUNDS >> 1]!;
    const target = "≤ 100";
    bench.tell({ what: `search for ${what} ${of}, a new message each time`, value, unit: "ms", target });
  }
  const peak = server.memory()?.peak;
  if (peak !== undefined) bench.tell({ what: `memory after searches ${of}`, value: peak, unit: "MiB" });
}

async function send({ load }: Bench, { smtp: port }: ServerProcess, messages: number): Promise<void> {
  const result = await load.run("send", {
    port,
    messages,
    connections: Math.min(50, messages),
    to: TO,
    size: 0,
    letters: true,
  });
  if (result.refused > 0) throw new Error(`${result.refused} of ${messages} messages were refused`);
}

/** Asks until all is searched, or a page is full. */
async function searched(server: ServerProcess, q: string): Promise<{ ms: number }> {
  let ms = 0;
  let found = 0;
  let cursor = "";
  do {
    const path = `/api/v1/mailboxes/${TO}/messages?${new URLSearchParams({
      q,
      limit: String(PAGE),
      ...(cursor && { cursor }),
    })}`;
    const answered = await server.ask(path);
    ms += answered.ms;
    const { items, cursor: next } = answered.answer as unknown as Answer;
    found += items.length;
    cursor = next ?? "";
  } while (cursor !== "" && found < PAGE);
  return { ms };
}
