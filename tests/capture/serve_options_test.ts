/** `serve --capture` as a process: its listeners are where its options say, and it says so itself. */

import { assertEquals, assertMatch } from "@std/assert";
import { ServerProcess } from "../e2e/support/server_process.ts";

Deno.test("serve --capture listens where its options say, over what its variables say", async () => {
  const cwd = await Deno.makeTempDir();
  try {
    const args = ["serve", "--capture"];
    for (const option of ["--smtp", "--http", "--pop3"]) args.push(option, "127.0.0.1:0");
    await using server = await ServerProcess.ready({
      cwd,
      args,
      // 192.0.2.0/24 is nobody's: there nothing can listen
      env: { DINOPOST_LISTEN_SMTP: "192.0.2.1:1025", MP_UI_BIND_ADDR: "192.0.2.1:8025" },
    });
    const [smtp, http, pop3] = (["smtp", "admin", "pop3"] as const).map((kind) => server.address(kind));
    assertMatch(server.out, new RegExp(`SMTP +127\\.0\\.0\\.1:${smtp!.port}\\n`));
    assertMatch(server.out, new RegExp(`POP3 +127\\.0\\.0\\.1:${pop3!.port}\\n`));
    assertEquals((await (await fetch(`http://127.0.0.1:${http!.port}/api/v1/messages`)).json()).total, 0);
  } finally {
    await Deno.remove(cwd, { recursive: true });
  }
});
