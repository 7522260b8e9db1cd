/** The admin HTTP surface: the HTTP app with the REST API in it. */

import { type AdminApp, createHttpApp } from "../http/app.ts";
import type { AdminOptions } from "../http/options.ts";

/** Makes the HTTP surface. Cheap: schemas, validation and the API's document are loaded with the first call to them. */
export function createAdminApp(options: AdminOptions): AdminApp {
  return createHttpApp(options, async (access) => (await import("./api.ts")).buildApi(options, access));
}
