/** The admin HTTP surface: the HTTP app with the REST API and the web page in it. */

import { type AdminApp, createHttpApp } from "../http/app.ts";
import type { AdminOptions } from "./options.ts";

/** Makes the HTTP surface. Cheap: schemas, validation and the API's document are loaded with the first call to them. */
export function createAdminApp(options: AdminOptions): AdminApp {
  return createHttpApp(options, {
    api: async (access) => (await import("./api.ts")).buildApi(options, access),
    page: async (access) => await options.page?.(options, access),
  });
}
