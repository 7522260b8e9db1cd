/** The dialogue that brought a captured message, for API and page. */

import { binaryString, concat } from "../base/bytes.ts";
import { isId } from "../base/ids.ts";
import { Problem, quoted } from "../http/problem.ts";
import { unlessRemoved } from "./mail_reader.ts";
import { messageHistory } from "./message_history.ts";
import type { AdminOptions } from "./options.ts";

/** The dialogue that brought a message. Throws a {@linkcode Problem} when there is none. */
export async function dialogueOf(id: string, options: AdminOptions): Promise<string> {
  const { dialogues, mailStore } = options;
  if (!dialogues) throw new Problem(404, "Dialogues are kept in capture mode only");
  const life = isId(id) ? await messageHistory(id, options) : undefined;
  if (!life) throw new Problem(404, `Nothing is known of a message ${quoted(id)}`);
  if (!dialogues.has(id)) {
    throw new Problem(
      404,
      `The message ${quoted(id)} came in no session, or long ago: its dialogue is not kept`,
    );
  }
  for (const address of life.recipients) {
    const entry = await mailStore.get(address, id);
    // the octets that came, without the fields that were put on top
    if (!entry) continue;
    const content = await unlessRemoved(
      mailStore,
      { address, entry },
      async () => concat(await Array.fromAsync(mailStore.read({ ...entry, prefix: "" }))),
    );
    const text = content && dialogues.write(id, withoutOwnTrace(content, id));
    if (text !== undefined) return text;
  }
  throw new Problem(404, `The message ${quoted(id)} is in no mailbox any more`);
}

/** The content without the Received field that it was given here: on top, folded, with its id. */
function withoutOwnTrace(content: Uint8Array, id: string): Uint8Array {
  const top = binaryString(content.subarray(0, 2000));
  const [field = ""] = /^Received:.*\r\n(?:[ \t].*\r\n)*/i.exec(top) ?? [];
  // "for" follows where there is one recipient, else the date
  return field.includes(` id ${id} `) || field.includes(` id ${id};`)
    ? content.subarray(field.length)
    : content;
}
