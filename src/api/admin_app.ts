/** The admin HTTP surface: the HTTP app with the REST API and the web page in it. */

import { type AdminApp, createHttpApp } from "../http/app.ts";
import type { AdminOptions } from "./options.ts";

/** Makes the HTTP surface. Cheap: schemas, validation and the API's document are loaded with the first call to them. */
export function createAdminApp(options: AdminOptions): AdminApp {
  return createHttpApp(options, {
    api: async (access) => {
      const { buildApi } = await import("./api.ts");
      return buildApi(options, access, await options.dialects?.app(options));
    },
    paths: options.dialects?.paths,
    openPaths: options.dialects?.openPaths,
    page: async (access) => await options.page?.(options, access),
  });
}
