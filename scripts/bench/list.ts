/**
 * The listing of the queue of a dinopost under benchmark, a line for each message.
 *
 * Usage: deno run -A list.ts ADMIN_PORT
 */
interface Item {
  readonly id: string;
  readonly size: number;
  readonly receivedAt: string;
  readonly sender: string;
  readonly recipients: readonly { readonly address: string }[];
}

const url = `http://127.0.0.1:${Deno.args[0]}/api/v1/queue?limit=1000`;
const headers = { authorization: "Bearer bench" };
for (let cursor: string | null = ""; cursor !== null;) {
  const answer: Response = await fetch(cursor === "" ? url : `${url}&cursor=${cursor}`, { headers });
  const page: { items: Item[]; cursor: string | null } = await answer.json();
  for (const item of page.items) {
    console.log(`${item.id} ${item.size} ${item.receivedAt} ${item.sender} ${item.recipients[0]?.address}`);
  }
  cursor = page.cursor;
}
