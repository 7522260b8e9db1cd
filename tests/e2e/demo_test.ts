/** Watches the demo as a newcomer does: it tells the whole story, quickly, and ends well. */

import { assert, assertEquals } from "@std/assert";
import { ServerProcess } from "./support/server_process.ts";

Deno.test("demo tells the story of a message in less than 20 seconds and ends with 0", async () => {
  const cwd = await Deno.makeTempDir({ prefix: "dinopost-demo-" });
  try {
    const from = performance.now();
    await using demo = new ServerProcess({ cwd, args: ["demo"] });
    const { code, out, err } = await demo.end(60_000);
    const seconds = (performance.now() - from) / 1000;
    assertEquals([code, err], [0, ""], out);
    assert(seconds < 20, `it took ${seconds} s`);
    let at = 0;
    for (
      const step of [
        "brain writes to a colleague",
        "> MAIL FROM:<brain@howstuffworks.com>",
        "> RCPT TO:<marshall@howstuffworks.com>",
        "< 354",
        "< 250 2.0.0 Ok: queued as ",
        "< +OK",
        "Subject: Lunch?",
        "> RCPT TO:<jsmith@mindspring.com>",
        "mindspring.com has the mail host mail.mindspring.com (preference 10)",
        "mail.mindspring.com has the address 127.",
        "> MAIL FROM:<brain@howstuffworks.com>",
        "Subject: Hello",
        "mindspring.com is down",
        "it waits in the queue",
        "5 attempts so far",
        "Subject: Your message is delayed",
        "mindspring.com comes back",
        "jsmith has the message",
        "A domain that never answers",
        "After five days",
        "Subject: Your message was not delivered",
        "the queue is empty",
        "The end",
      ]
    ) {
      const found = out.indexOf(step, at);
      assert(found >= 0, `"${step}" is not in what follows: ${out.slice(at)}`);
      at = found;
    }
    assertEquals(Array.from(Deno.readDirSync(cwd)), [], "it left something behind");
  } finally {
    await Deno.remove(cwd, { recursive: true });
  }
});
