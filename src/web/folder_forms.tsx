/** @jsxImportSource hono/jsx */
/** The targets of the forms that make, rename and delete folders. */

import { type Context, Hono } from "hono";
import { folderOf, withFolders } from "../api/mail_folders.ts";
import { mailboxNamed } from "../api/mail_lookup.ts";
import { Problem } from "../http/problem.ts";
import type { PageContext, PageEnv } from "./context.ts";
import { folderPath } from "./folder_nav.tsx";
import { count } from "./format.ts";
import { pathTo, readOwnForm } from "./forms.ts";
import { Head } from "./layout.tsx";
import { ActionForm } from "./parts.tsx";
import { goBack, show } from "./render.tsx";

/** The targets. */
export function folderPages(page: PageContext): Hono<PageEnv> {
  const { options } = page;
  return new Hono<PageEnv>()
    .post("/mailboxes/:address/folders", async (c) => {
      const address = await mailboxNamed(c.req.param("address"), options);
      const form = await readOwnForm(c);
      return await told(
        c,
        page,
        pathTo("mailboxes", address),
        () =>
          withFolders(address, options, async (folders) => {
            const { name } = await folders.create(form.text("name"));
            await folders.subscribe(name, true);
            return { name, text: `The folder ${name} is there` };
          }),
      );
    })
    .post("/mailboxes/:address/folders/:folder", async (c) => {
      const address = await mailboxNamed(c.req.param("address"), options);
      const form = await readOwnForm(c);
      const path = pathTo("mailboxes", address);
      const { name, messages } = await folderOf(c.req.param("folder"), address, options);
      if (form.text("do") === "rename") {
        const to = form.text("name");
        return await told(
          c,
          page,
          folderPath(path, name),
          () =>
            withFolders(address, options, async (folders) => {
              await folders.rename(name, to);
              return { name: to, text: `The folder ${name} is called ${to} now` };
            }),
        );
      }
      if (form.text("do") !== "delete") {
        throw new Problem(422, "The form asks for what this page does not know");
      }
      if (form.text("sure") === "") {
        return await ask(c, page, { path, name, messages });
      }
      return await told(
        c,
        page,
        folderPath(path, name),
        () =>
          withFolders(address, options, async (folders) => {
            await folders.delete(name);
            return { name: "INBOX", text: `The folder ${name} is gone` };
          }),
      );
    });
}

/** Asks before a folder goes with its mail. */
async function ask(
  c: Context<PageEnv>,
  page: PageContext,
  { path, name, messages }: { path: string; name: string; messages: number },
): Promise<Response> {
  return await show(c, page, {
    title: "Delete the folder?",
    at: "mailboxes",
    body: (view) => (
      <>
        <Head title="Delete the folder?" lead={`${name}, with ${count(messages, "message")}, for good.`} />
        <ActionForm view={view} action={`${path}/folders/${encodeURIComponent(name)}`} class="buttons">
          <input type="hidden" name="do" value="delete" />
          <input type="hidden" name="sure" value="1" />
          <button type="submit" class="danger">Delete</button>
          <a class="button" href={folderPath(path, name)}>Cancel</a>
        </ActionForm>
      </>
    ),
  });
}

/** Does it and shows the folder; or leads back to `before`, and says why it can't be done. */
async function told(
  c: Context<PageEnv>,
  page: PageContext,
  before: string,
  work: () => Promise<{ name: string; text: string }>,
): Promise<Response> {
  const path = before.split("?", 1)[0]!;
  try {
    const { name, text } = await work();
    return goBack(c, page, {
      back: folderPath(path, name),
      otherwise: path,
      flashMessage: { kind: "done", text },
    });
  } catch (error) {
    if (!(error instanceof Problem) || (error.status !== 409 && error.status !== 422)) throw error;
    return goBack(c, page, {
      back: before,
      otherwise: path,
      flashMessage: { kind: "error", text: error.detail },
    });
  }
}
