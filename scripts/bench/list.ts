/**
 * In charge of listing the queue of a dinopost under benchmark, a line for each message.
 *
 * Usage: deno run -A list.ts ADMIN_PORT
 */
const url = `http://127.0.0.1:${Deno.args[0]}/api/v1/queue?limit=1000`;
const headers = { authorization: "Bearer bench" };
for (let cursor: string | null = ""; cursor !== null;) {
  const answer = await fetch(cursor === "" ? url : `${url}&cursor=${cursor}`, { headers });
  const page = await answer.json();
  for (const item of page.items) {
    console.log(`${item.id} ${item.size} ${item.receivedAt} ${item.sender} ${item.recipients[0].address}`);
  }
  cursor = page.cursor;
}
