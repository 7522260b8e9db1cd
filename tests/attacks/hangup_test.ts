/**
 * A client that goes at any octet (RFC 5321 4.1.1.5, 4.1.1.10): what was answered 250 is there, nothing else is, and
 * no session, timer or text is left behind.
 */

import { assert, assertEquals } from "@std/assert";
import { binaryString } from "../../src/base/bytes.ts";
import { House } from "../smtp/server/whole_server.ts";

const ENVELOPE = "MAIL FROM:<jsmith@mindspring.com>\r\nRCPT TO:<brain@howstuffworks.com>\r\n";
const WHOLE = `EHLO client.example\r\n${ENVELOPE}DATA\r\nSubject: x\r\n\r\n..Hi\r\n.\r\n${ENVELOPE}` +
  "BDAT 14\r\nSubject: y\r\n\r\nBDAT 4 LAST\r\nHi\r\nQUIT\r\n";

for (const how of ["close", "reset"] as const) {
  Deno.test(`a client that goes (${how}) behind every octet leaves what was acknowledged and nothing else`, async () => {
    await using house = await House.start();
    let acknowledged = 0;
    for (let cut = 0; cut <= WHOLE.length; cut++) {
      const before = house.accepted;
      const seen = await goAt(house, cut, how);
      acknowledged += seen;
      assert(house.accepted - before >= seen, `cut at ${cut}: ${seen} were acknowledged`);
      assert(house.accepted - before <= complete(cut), `cut at ${cut}: more was taken than came`);
    }
    // who resets the connection has read nothing
    if (how === "close") assert(acknowledged >= 10, `${acknowledged}`);
    assertEquals((await house.mailbox("brain")).length, house.accepted);
    const failed = house.events.filter((one) => one.type === "session" && one.why === "error");
    assertEquals(failed, []);
  });
}

/** How many messages are whole in the first octets. */
function complete(cut: number): number {
  const first = WHOLE.indexOf("\r\n.\r\n") + 5;
  const second = WHOLE.indexOf("Hi\r\nQUIT") + 4;
  return cut >= second ? 2 : cut >= first ? 1 : 0;
}

/** Sends the first octets, reads what is there, and goes; answers how many messages were acknowledged. */
async function goAt(house: House, cut: number, how: "close" | "reset"): Promise<number> {
  const conn = await Deno.connect(house.at("smtp"));
  const into = new Uint8Array(4096);
  const ended = sessions(house) + 1;
  let said = binaryString(into.subarray(0, await conn.read(into) ?? 0));
  await conn.write(Uint8Array.from(WHOLE.slice(0, cut), (one) => one.charCodeAt(0)));
  if (how === "close") {
    await conn.closeWrite();
    for (let count = await conn.read(into); count !== null; count = await conn.read(into)) {
      said += binaryString(into.subarray(0, count));
    }
  }
  // closing with unread replies resets the connection
  conn.close();
  while (sessions(house) < ended) await Deno.stat(".");
  return said.match(/250 2\.0\.0 Ok: queued/g)?.length ?? 0;
}

function sessions(house: House): number {
  return house.events.filter((one) => one.type === "session").length;
}
