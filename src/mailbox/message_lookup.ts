/** The look for a message in mailboxes that need not come into memory for it. */

import * as keys from "../storage/keys.ts";
import type { Kv } from "../storage/port.ts";
import { IndexRow } from "./index_row.ts";

/** Is a message of that id among a mailbox's arrivals, or in one of its folders? */
export async function mayHold(kv: Kv, address: string, id: string): Promise<boolean> {
  if ((await kv.get(keys.mail(address, id))).versionstamp !== null) return true;
  for await (const { value } of kv.list<Uint8Array>(keys.folderIndexesOf(address), { batchSize: 8 })) {
    if (IndexRow.decode(value).find(id, undefined) >= 0) return true;
  }
  return false;
}
