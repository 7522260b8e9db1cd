/** @jsxImportSource hono/jsx */
/** The web page as a whole: which view is where, who may see it, and the pages for errors. */

import { type Context, Hono } from "hono";
import { allow } from "../http/access.ts";
import { type AdminUser, changes } from "../http/roles.ts";
import { Problem, problemOf, problemResponse } from "../http/problem.ts";
import type { AdminAuth, AdminEnv } from "../http/options.ts";
import type { AdminOptions } from "../api/options.ts";
import { QueueStatsCache } from "../queue/stats.ts";
import { accountPages } from "./accounts_view.tsx";
import { appPasswordPages } from "./app_passwords.tsx";
import type { Activity } from "./activity.ts";
import { aliasPages } from "./aliases_view.tsx";
import { assetPages } from "./assets.ts";
import { auditPages } from "./audit_view.tsx";
import type { PageAuth, PageContext, PageEnv, ServerInfo } from "./context.ts";
import type { DestinationTally } from "./destination_tally.ts";
import { deliverabilityPages } from "./deliverability_view.tsx";
import { destinationPages } from "./destinations_view.tsx";
import { domainPages } from "./domains_view.tsx";
import { loginPages, sendLogin } from "./login_view.tsx";
import { eventPages } from "./events_view.tsx";
import { capturedPages } from "./captured_view.tsx";
import { csrfOf, formLimit, localPath } from "./forms.ts";
import { Head } from "./layout.tsx";
import { mailPages } from "./message_view.tsx";
import { mailboxPages } from "./mailboxes_view.tsx";
import { messagePages } from "./queued_message_view.tsx";
import { FlashMessages } from "./flash_messages.ts";
import { ownPages } from "./own_app.tsx";
import { Overview, overviewFacts } from "./overview_view.tsx";
import { Empty } from "./parts.tsx";
import { queuePages } from "./queue_view.tsx";
import { queueActs } from "./queue_actions_view.tsx";
import { show } from "./render.tsx";
import { suppressionPages } from "./suppressions_view.tsx";
import { reportPages } from "./reports_view.tsx";
import { webhookPages } from "./webhooks_view.tsx";

/** What the page is made with. */
export interface PageOptions {
  readonly options: AdminOptions;
  readonly auth: AdminAuth;
  readonly server: ServerInfo;
  readonly activity: Activity;
  readonly destinations: DestinationTally;
}

/** The page counts the queue in one part of the time in so many. */
const STATS_SHARE = 20;

/** Views that only who is logged in sees. */
const INSIDE = [
  "/",
  "/overview",
  "/captured",
  "/queue",
  "/messages",
  "/mailboxes",
  "/accounts",
  "/aliases",
  "/webhooks",
  "/events",
  "/audit",
  "/deliverability",
  "/reports",
  "/domains",
  "/suppressions",
  "/logout",
];

/** The views that every page has, behind each other as their routes are asked. */
const VIEWS = [
  loginPages,
  queuePages,
  queueActs,
  messagePages,
  destinationPages,
  suppressionPages,
  domainPages,
  deliverabilityPages,
  reportPages,
  mailboxPages,
  mailPages,
  accountPages,
  appPasswordPages,
  aliasPages,
  webhookPages,
  eventPages,
  auditPages,
  ownPages,
];

/** Makes the page. */
export function buildPage({ options, auth, server, activity, destinations }: PageOptions): Hono<AdminEnv> {
  const { queue, clock, random } = options;
  const pageAuth = pageAuthOf(auth);
  const page: PageContext = {
    options,
    auth: pageAuth,
    server,
    activity,
    destinations,
    queueStats: new QueueStatsCache({ clock, count: () => queue.stats(), share: STATS_SHARE }),
    flashMessages: new FlashMessages(random),
  };
  const app = new Hono<PageEnv>();
  app.use(formLimit());
  // where nobody logs in no cookie tells our forms from others'
  const openSecret = options.open ? random.bytes(20).toHex() : undefined;
  app.use(async (c, next) => {
    c.set("csrf", openSecret ?? await csrfOf(c));
    await next();
  });
  app.route("/", assetPages());
  for (const path of INSIDE) {
    app.use(path === "/" ? path : `${path}/*`, async (c, next) => {
      const user = await pageAuth.userOf(c);
      if (!user) return await refuse(c, page);
      allow(user, c.req);
      c.set("user", user);
      await next();
      await audit(c, user, pageAuth);
    });
  }
  // where mail is captured the page opens on it
  app.get(options.captured ? "/overview" : "/", async (c) => {
    const facts = await overviewFacts(page);
    const { stats } = facts;
    return await show(c, page, {
      title: "Overview",
      at: "overview",
      waiting: { size: stats?.total ?? 0, whole: stats !== undefined },
      body: (view) => <Overview view={view} page={page} facts={facts} />,
    });
  });
  if (options.captured) app.route("/", capturedPages(page, options.captured));
  for (const view of VIEWS) app.route("/", view(page));
  app.notFound((c) => sendProblem(c, page, new Problem(404, `There is nothing at ${c.req.path}`)));
  app.onError((error, c) =>
    sendProblem(c, page, problemOf(error, { journal: options.journal, path: c.req.path }))
  );
  return app as unknown as Hono<AdminEnv>;
}

/** The login, for contexts that carry more than it looks at. */
function pageAuthOf(auth: AdminAuth): PageAuth {
  const plain = (c: Context<PageEnv>) => c as unknown as Context<AdminEnv>;
  return {
    userOf: (c) => auth.userOf(plain(c)),
    audit: auth.audit,
    audited: (user, call) => auth.audited(user, call),
    login: (c, token) => auth.login(plain(c), token),
    logout: (c) => auth.logout(plain(c)),
  };
}

/** Writes what a form changed into the audit log. */
async function audit(c: Context<PageEnv>, user: AdminUser, auth: PageAuth): Promise<void> {
  const { method, path } = c.req;
  // what was done leads back to a view; a question, or the form once more, is no change yet
  if (!changes(method) || c.res.status !== 303 || c.get("unchanged")) return;
  const body: Record<string, unknown> = {};
  // it was read by the view, and is kept as it was
  for (const [name, value] of new URLSearchParams(await c.req.text())) {
    if (name === "id" || name === "uid") body[name] = [...(body[name] as string[] | undefined ?? []), value];
    else if (name !== "csrf" && name !== "password") body[name] ??= value;
  }
  await auth.audited(user, { method, path, body });
}

/** Who is not logged in may log in and comes back to where this was; a form that came late is lost. */
async function refuse(c: Context<PageEnv>, page: PageContext): Promise<Response> {
  if (page.options.open) throw new Problem(403, "The call comes from a page of another origin");
  const { method, path } = c.req;
  const isRead = method === "GET" || method === "HEAD";
  const next = isRead ? localPath(path + new URL(c.req.url).search, "/") : "/";
  const status = path === "/" && isRead ? 200 : 401;
  return await sendLogin(c, page, { next, status });
}

/** A page for people, a problem for programs. */
async function sendProblem(c: Context<PageEnv>, page: PageContext, problem: Problem): Promise<Response> {
  const { status, detail } = problem;
  const { options } = page;
  const forPeople = (c.req.header("accept") ?? "").includes("text/html") && await page.auth.userOf(c);
  if (!forPeople) return problemResponse(problem, c.req.path);
  return await show(c, page, {
    title: status === 404 ? "Nothing here" : "That did not work",
    at: undefined,
    status,
    body: () => (
      <>
        <Head title={status === 404 ? "Nothing here" : "That did not work"} />
        <div class="card">
          <Empty title={detail}>
            <a href="/">{options.captured ? "Back to the messages" : "Back to the overview"}</a>
          </Empty>
        </div>
      </>
    ),
  });
}
