/** The HTTP app: the small calls and the guards at once; API and page when they are first asked for. */

import { type Handler, Hono, type MiddlewareHandler } from "hono";
import { healthView } from "../observe/health.ts";
import { Access } from "./access.ts";
import { knownHosts, openSites, secure, securityHeaders } from "./guard.ts";
import { withLateAnswers } from "./late_answer.ts";
import { proxyReader } from "./proxy.ts";
import type { AdminBindings, AdminEnv, HttpOptions } from "./options.ts";
import { Problem, problemOf, problemResponse, quoted, wrongMethod } from "./problem.ts";

/** The HTTP surface, to be served by `Deno.serve` or mounted in another app. */
export interface AdminApp {
  /** Answers a request; never rejects. */
  fetch(request: Request, bindings?: AdminBindings): Response | Promise<Response>;
  /** Loads what the first call would else wait for, some 100 ms of work. */
  warmUp(): Promise<void>;
}

/** The apps that are mounted in it; each is made once, when it is first asked for. */
export interface MountedApps {
  /** Serves `/api/v1`, `/openapi.json` and `/docs`. */
  api(access: Access): Promise<Hono<AdminEnv>>;
  /** Further paths that `api` serves; absent: none. */
  readonly paths?: readonly string[] | undefined;
  /** The same, of calls that nobody needs a token for. */
  readonly openPaths?: readonly string[] | undefined;
  /** Serves whatever nobody else answers; undefined: nothing does. */
  page(access: Access): Promise<Hono<AdminEnv> | undefined>;
}

/** Makes the app. */
export function createHttpApp(options: HttpOptions, mounted: MountedApps): AdminApp {
  const app = new Hono<AdminEnv>();
  const access = new Access(options);
  const api = once(() => mounted.api(access));
  const page = once(() => mounted.page(access));

  app.use(securityHeaders());
  app.use(openSites(options));
  app.use(knownHosts(options.hosts));
  app.get("/healthz", (c) => {
    if (c.req.query("verbose") === undefined) return c.json({ status: "ok" });
    return c.json(healthView(options.health ?? { problems: [] }));
  });
  app.get("/readyz", (c) => {
    const waits = whyNotReady(options);
    return waits ? c.json(waits, 503) : c.json({ status: "ready" });
  });
  const { metrics } = options;
  if (metrics) {
    app.get("/metrics", async (c) => {
      return c.text(await metrics(), 200, { "content-type": "text/plain; version=0.0.4; charset=utf-8" });
    });
  }
  const allowed = access.required();
  const { paths = [], openPaths = [] } = mounted;
  if (paths.length > 0) app.use(withoutEmptySegments());
  for (const path of paths) app.use(path, allowed);
  app.use("/api/v1/*", async (c, next) => {
    // who logs in has nothing to show yet
    if (c.req.path === "/api/v1/session" && c.req.method === "POST") await next();
    else await allowed(c, next);
  });
  const toApi: Handler<AdminEnv> = async (c) => await (await api()).fetch(c.req.raw, c.env);
  for (const path of ["/api/v1/*", ...paths, ...openPaths]) app.all(path, toApi);
  app.get("/openapi.json", toApi);
  app.get("/docs", toApi);
  for (const path of ["/healthz", "/readyz", ...(metrics ? ["/metrics"] : []), "/openapi.json", "/docs"]) {
    app.all(path, (c) => {
      throw wrongMethod(c.req.method, "GET, HEAD");
    });
  }
  app.notFound(async (c) => {
    const made = await page();
    if (made) return await made.fetch(c.req.raw, c.env);
    return problemResponse(new Problem(404, `There is nothing at ${quoted(c.req.path)}`), c.req.path);
  });
  app.onError((error, c) => {
    const response = problemResponse(
      problemOf(error, { journal: options.journal, path: c.req.path }),
      c.req.path,
    );
    secure(response.headers);
    return response;
  });
  const readProxy = proxyReader(options.proxies ?? []);
  return {
    fetch: withLateAnswers((request, bindings) => app.fetch(request, readProxy(request, bindings))),
    warmUp: async () => void await api(),
  };
}

/** Leads `//view/latest` to `/view/latest`, as the servers do whose clients put a slash between too many. */
function withoutEmptySegments(): MiddlewareHandler<AdminEnv> {
  return async (c, next) => {
    const { pathname, search } = new URL(c.req.url);
    if (pathname.includes("//")) return c.redirect(pathname.replace(/\/{2,}/g, "/") + search, 307);
    await next();
  };
}

/** What `/readyz` says while the server can't serve; undefined: it can. */
function whyNotReady({ ready, health }: HttpOptions) {
  if (!ready()) return { status: "starting" };
  const away = health?.problems.find(({ code }) => code === "store");
  return away && { status: "waiting", text: away.text, since: new Date(away.since).toISOString() };
}

/** Calls `make` once, at the first call; again after a failure. */
function once<T>(make: () => T | Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () =>
    made ??= Promise.resolve().then(make).catch((error) => {
      made = undefined;
      throw error;
    });
}
