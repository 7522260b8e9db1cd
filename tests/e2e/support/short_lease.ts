/** A server as `serve` runs it, but with leases that end soon: `short_lease.ts CONFIG MILLISECONDS`. */

import { serve } from "../../../src/cli/serve.ts";
import { MailServer } from "../../../src/mail_server.ts";

const [config, leaseMs] = Deno.args as [string, string];
await serve({ config }, (loaded) => MailServer.start(loaded, { leaseMs: Number(leaseMs) }));
