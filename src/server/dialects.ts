/** The APIs of other programs, where mail is captured: their code is loaded with the API. */

import type { Dialects } from "../api/options.ts";

/** Mailpit's and MailHog's. */
export const DIALECTS: Dialects = {
  paths: ["/api/v2/*", "/api/events", "/view/*"],
  openPaths: ["/livez"],
  app: async (options) => (await import("../dialects/mount.ts")).dialectApp(options),
};
