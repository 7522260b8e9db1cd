/** A server whose end never comes, for tests of the signals. */

import { serve } from "../../src/cli/serve.ts";

await serve({}, () =>
  Promise.resolve({
    addresses: {},
    adminToken: "t",
    madeToken: false,
    stop: () => new Promise<void>(() => {}),
    reload: () => Promise.reject(new Error("no")),
  }));
