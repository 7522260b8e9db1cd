/** @jsxImportSource hono/jsx */
/** The view of one destination: the route of its mail now, what waits for it, and pauses. */

import { Hono } from "hono";
import type { MailHosts } from "../dns/mail_hosts.ts";
import type { DestinationStats } from "../queue/stats.ts";
import { describeSuspension, type Suspension } from "../queue/suspensions.ts";
import { domainToSearch } from "../api/schemas.ts";
import { Problem, quoted } from "../http/problem.ts";
import type { PageContext, PageEnv, View } from "./context.ts";
import { count } from "./format.ts";
import { pathTo, readOwnForm } from "./forms.ts";
import { Head } from "./layout.tsx";
import { ActionForm, Card, Time } from "./parts.tsx";
import { queueUrl } from "./queue_rows.ts";
import { goBack, show } from "./render.tsx";

interface DomainFacts {
  readonly domain: string;
  /** Undefined: the domain is delivered here. */
  readonly route: MailHosts | undefined;
  readonly waiting: DestinationStats | undefined;
  readonly suspension: Suspension | undefined;
  /** Can deliveries be paused at all? */
  readonly canPause: boolean;
}

/** The page, and its forms' target. */
export function domainPages(page: PageContext): Hono<PageEnv> {
  const { options, queueStats } = page;
  return new Hono<PageEnv>()
    .get("/domains/:domain", async (c) => {
      const domain = domainToSearch(c.req.param("domain"));
      if (domain.length > 255) throw new Problem(404, `${quoted(domain)} is no domain`);
      const [route, stats, suspension] = await Promise.all([
        options.domains.includes(domain) ? undefined : options.route(domain),
        queueStats.statsAtHand(),
        options.suspensions?.get(domain),
      ]);
      const waiting = stats?.destinations.find((d) => d.domain === domain);
      const facts = { domain, route, waiting, suspension, canPause: options.suspensions !== undefined };
      return await show(c, page, {
        title: domain,
        at: "queue",
        body: (view) => <DomainView view={view} facts={facts} />,
      });
    })
    .post("/domains/:domain", async (c) => {
      const form = await readOwnForm(c);
      const domain = domainToSearch(c.req.param("domain"));
      const text = await carryOut(page, {
        domain,
        what: form.text("do"),
        reason: form.text("reason").slice(0, 500),
      });
      const otherwise = pathTo("domains", domain);
      return goBack(c, page, { back: form.text("back"), otherwise, flashMessage: { kind: "done", text } });
    });
}

async function carryOut(
  { options }: PageContext,
  { domain, what, reason }: { domain: string; what: string; reason: string },
): Promise<string> {
  if (what === "try") {
    const tried = await options.queue.flush(domain);
    const suspension = tried === 0 ? await options.suspensions?.get(domain) : undefined;
    if (suspension) return describeSuspension(suspension);
    return tried === 0
      ? `Nothing for ${domain} waited for its time`
      : `${count(tried, "message")} for ${domain} will be tried now`;
  }
  if (what === "pause" && options.suspensions) {
    await options.suspensions.put({ domain, ...(reason === "" ? {} : { reason }) });
    await options.queue.suspended(domain);
    return `Nothing is delivered to ${domain} until you resume it`;
  }
  if (what === "resume" && options.suspensions) {
    await options.suspensions.remove(domain);
    await options.queue.flush(domain);
    return `Delivery to ${domain} goes on`;
  }
  throw new Problem(400, "The form does not say what to do");
}

function DomainView({ view, facts }: { view: View; facts: DomainFacts }) {
  const { domain, waiting } = facts;
  const all = queueUrl({ text: `@${domain}`, order: "oldest" });
  return (
    <>
      <p class="crumbs">
        <a href="/">Overview</a> / destination
      </p>
      <Head
        title={domain}
        lead={waiting === undefined
          ? "Nothing waits for it."
          : `${count(waiting.messages, "message")} for it in the queue.`}
      >
        {waiting === undefined ? null : <a class="button" href={all}>Show them</a>}
      </Head>
      <Card title="The route of its mail now">
        <RouteFacts route={facts.route} domain={domain} />
      </Card>
      {facts.canPause && facts.route !== undefined
        ? (
          <Card title={facts.suspension === undefined ? "Pause delivery" : "Delivery is paused"}>
            <Pause view={view} facts={facts} />
          </Card>
        )
        : null}
    </>
  );
}

function RouteFacts({ route, domain }: { route: MailHosts | undefined; domain: string }) {
  if (route === undefined) {
    return <p class="pad">{`${domain} is one of this server's domains: it goes into mailboxes here.`}</p>;
  }
  return (
    <div class="pad">
      {route.kind === "hosts"
        ? (
          <ol>
            {route.hosts.map((host) => (
              <li key={host.host}>
                <b>{host.host}</b> <span class="quiet">{`preference ${host.preference} · `}</span>
                <span class="mono">{host.addresses.join(", ")}</span>
              </li>
            ))}
          </ol>
        )
        : <p class="reply">{`${route.status} ${route.text}`}</p>}
      <ul class="small-print">{route.steps.map((step, i) => <li key={i}>{step}</li>)}</ul>
    </div>
  );
}

function Pause({ view, facts }: { view: View; facts: DomainFacts }) {
  const { suspension, domain } = facts;
  if (suspension !== undefined) {
    return (
      <ActionForm view={view} action={pathTo("domains", domain)} class="pad">
        <p>
          Since <Time at={suspension.since} now={view.now} />
          {suspension.reason === undefined ? "." : `: ${suspension.reason}`}
        </p>
        <div class="buttons">
          <button type="submit" class="primary" name="do" value="resume">Resume</button>
        </div>
      </ActionForm>
    );
  }
  return (
    <ActionForm view={view} action={pathTo("domains", domain)} class="pad">
      <p class="hint">Its messages wait in the queue meanwhile, and say why.</p>
      <div class="buttons">
        <input
          type="text"
          name="reason"
          placeholder="Reason (optional)"
          aria-label="Reason"
          maxlength={500}
        />
        <button type="submit" name="do" value="pause">Pause delivery</button>
        <button type="submit" name="do" value="try">Try all now</button>
      </div>
    </ActionForm>
  );
}
