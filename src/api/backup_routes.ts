/** The call `/api/v1/backup`: all that the server keeps, as one file. */

import { createRoute, z } from "@hono/zod-openapi";
import { BackupRefused } from "../backup/refused.ts";
import { Problem } from "../http/problem.ts";
import { newApi, problems } from "./api_app.ts";
import type { AdminOptions } from "./options.ts";

const TYPE = "application/x-tar";

const backup = createRoute({
  method: "post",
  path: "/",
  tags: ["Backup"],
  operationId: "makeBackup",
  summary: "A consistent copy of all that the server keeps, to be put back by `dinopost restore`",
  description:
    "A tar archive: `dinopost-backup.json`, the files of the data directory as they were at one instant " +
    "below `data/`, and `SHA256SUMS` at the end, without which it is not whole. It holds mail, password hashes, keys " +
    "and tokens, so it is for the admin token alone. One is made at a time; it needs room on the server's disk for a " +
    "copy of the store while it is read.",
  responses: {
    200: {
      description: "The archive",
      content: { [TYPE]: { schema: z.string().openapi({ format: "binary" }) } },
    },
    ...problems(409, 422),
  },
});

/** The call. */
export function backupRoutes({ backups, clock }: AdminOptions) {
  return newApi().openapi(backup, async () => {
    if (!backups) {
      throw new Problem(
        422,
        "This server's mail is in memory or in a store that servers share (kv): back that store up by its own means",
      );
    }
    const name = `dinopost-${new Date(clock.now()).toISOString().slice(0, 10)}.tar`;
    try {
      return new Response(await backups.make(), {
        headers: { "content-type": TYPE, "content-disposition": `attachment; filename="${name}"` },
      });
    } catch (error) {
      if (error instanceof BackupRefused) throw new Problem(error.kind === "busy" ? 409 : 503, error.message);
      throw error;
    }
  });
}
