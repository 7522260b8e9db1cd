/** @jsxImportSource hono/jsx */
/** In charge of the page's door: logging in with the token, logging out, and what who is not logged in sees. */

import { type Context, Hono } from "hono";
import { Problem, wrongMethod } from "../http/problem.ts";
import type { Desk, PageEnv } from "./context.ts";
import { localPath, readForm, readOwnForm } from "./forms.ts";
import { Sign } from "./icons.tsx";
import { Document } from "./layout.tsx";
import { Complaint } from "./parts.tsx";
import { sendDocument } from "./render.tsx";

/** The forms' targets. */
export function doorPages(desk: Desk): Hono<PageEnv> {
  return new Hono<PageEnv>()
    .get("/login", async (c) => {
      if (await desk.door.isAllowed(c)) return c.redirect("/", 303);
      return await sendLogin(c, desk, { next: localPath(c.req.query("next"), "/"), status: 200 });
    })
    .post("/login", async (c) => {
      const form = await readForm(c);
      const next = localPath(form.text("next"), "/");
      try {
        await desk.door.login(c, form.text("token"));
      } catch (error) {
        if (!(error instanceof Problem)) throw error;
        const { status, detail } = error;
        return await sendLogin(c, desk, {
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
      await desk.door.logout(c);
      return c.redirect("/login", 303);
    });
}

/** What who is not logged in gets. */
export async function sendLogin(
  c: Context<PageEnv>,
  desk: Desk,
  of: { next: string; status: 200 | 401 | 403 | 429; complaint?: string },
): Promise<Response> {
  const { house, options } = desk;
  return await sendDocument(
    c,
    <Document title={`Log in · ${house.hostname}`} now={options.clock.now()} script={false} bare>
      <main class="door">
        <div class="door-card">
          <Sign />
          <h1>{house.hostname}</h1>
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
          <p class="door-foot">
            The token was printed at the first start, and is kept in the data directory as{" "}
            <code>admin-token</code>.
          </p>
        </div>
      </main>
    </Document>,
    of.status,
  );
}
