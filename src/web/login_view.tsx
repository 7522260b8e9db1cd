/** @jsxImportSource hono/jsx */
/** The login view: logging in with the token, logging out, and what is shown before. */

import { type Context, Hono } from "hono";
import { Problem, wrongMethod } from "../http/problem.ts";
import type { PageContext, PageEnv } from "./context.ts";
import { localPath, readForm, readOwnForm } from "./forms.ts";
import { Sign } from "./icons.tsx";
import { Document } from "./layout.tsx";
import { Complaint } from "./parts.tsx";
import { hasOwnPage } from "./own_app.tsx";
import { sendDocument } from "./render.tsx";

/** The forms' targets. */
export function loginPages(page: PageContext): Hono<PageEnv> {
  return new Hono<PageEnv>()
    .get("/login", async (c) => {
      if (await page.auth.userOf(c)) return c.redirect("/", 303);
      return await sendLogin(c, page, { next: localPath(c.req.query("next"), "/"), status: 200 });
    })
    .post("/login", async (c) => {
      const form = await readForm(c);
      const next = localPath(form.text("next"), "/");
      try {
        await page.auth.login(c, form.text("token"));
      } catch (error) {
        if (!(error instanceof Problem)) throw error;
        const { status, detail } = error;
        return await sendLogin(c, page, {
          next,
          status: status === 429 || status === 403 ? status : 401,
          complaint: detail,
        });
      }
      return c.redirect(next, 303);
    })
    .all("/login", (c) => {
      throw wrongMethod(c.req.method, "GET, HEAD, POST");
    })
    .post("/logout", async (c) => {
      await readOwnForm(c);
      await page.auth.logout(c);
      return c.redirect("/login", 303);
    });
}

function OwnPageLink() {
  return (
    <p class="login-foot">
      Have you a mailbox here? <a href="/own">Your own page</a> has its passwords.
    </p>
  );
}

/** What who is not logged in gets. */
export async function sendLogin(
  c: Context<PageEnv>,
  page: PageContext,
  of: { next: string; status: 200 | 401 | 403 | 429; complaint?: string },
): Promise<Response> {
  const { server, options } = page;
  return await sendDocument(
    c,
    <Document title={`Log in · ${server.hostname}`} now={options.clock.now()} script={false} bare>
      <main class="login">
        <div class="login-card">
          <Sign />
          <h1>{server.hostname}</h1>
          <p class="lead">Log in to look after its mail.</p>
          <form method="post" action="/login">
            <Complaint text={of.complaint} />
            <input type="hidden" name="next" value={of.next} />
            <div class="field">
              <label for="token">Admin token</label>
              <input
                id="token"
                name="token"
                type="password"
                required
                autofocus
                autocomplete="current-password"
                spellcheck={false}
              />
            </div>
            <button type="submit" class="primary">Log in</button>
          </form>
          <p class="login-foot">
            The token was printed at the first start, and is kept in the data directory as{" "}
            <code>admin-token</code>.
          </p>
          {hasOwnPage(page) ? <OwnPageLink /> : null}
        </div>
      </main>
    </Document>,
    of.status,
  );
}
