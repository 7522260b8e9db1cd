/** @jsxImportSource hono/jsx */
/** The view of what others report about our domains: a chart by day, and each report's counts. */

import { Hono } from "hono";
import { Problem } from "../http/problem.ts";
import type { KeptReport } from "../reports/received_reports.ts";
import type { PageContext, PageEnv } from "./context.ts";
import { number } from "./format.ts";
import { Head } from "./layout.tsx";
import { Card, Empty, Time } from "./parts.tsx";
import { show } from "./render.tsx";

const DAY_MS = 24 * 60 * 60_000;
/** So many days are drawn. */
const DAYS = 30;
const MAX_SHOWN = 100;
const MAX_ROWS = 5;

const KINDS = {
  dmarc: {
    title: "DMARC: mail in our name",
    good: "passed",
    bad: "failed",
    none: "No report of DMARC has come",
  },
  tls: {
    title: "TLS: connections to our hosts",
    good: "as our policy wants them",
    bad: "failed",
    none: "No report of TLS has come",
  },
} as const;

/** The page. */
export function reportPages(page: PageContext): Hono<PageEnv> {
  const { reports } = page.options;
  return new Hono<PageEnv>().get("/reports", async (c) => {
    if (!reports) throw new Problem(404, "This server reads no reports");
    const all = await reports.list();
    return await show(c, page, {
      title: "Reports",
      at: "deliverability",
      body: (view) => (
        <>
          <p class="crumbs">
            <a href="/deliverability">Deliverability</a>
          </p>
          <Head
            title="Reports"
            lead="What other servers say of our domains, as it came to the addresses that the DNS names (rua=), for 90 days."
          />
          {(["dmarc", "tls"] as const).map((kind) => (
            <Kind
              key={kind}
              kind={kind}
              reports={all.filter((one) => one.kind === kind)}
              now={view.now}
            />
          ))}
        </>
      ),
    });
  });
}

function Kind(
  { kind, reports, now }: { kind: KeptReport["kind"]; reports: readonly KeptReport[]; now: number },
) {
  const words = KINDS[kind];
  return (
    <Card title={words.title} id={`reports-${kind}`}>
      {reports.length === 0
        ? (
          <Empty title={words.none}>
            They come once a day from servers that mail goes to and comes from.
          </Empty>
        )
        : (
          <>
            <DayChart reports={reports} now={now} words={words} />
            <ReportTable reports={reports.slice(0, MAX_SHOWN)} now={now} />
          </>
        )}
    </Card>
  );
}

/** What was good and bad, by the day on which a report's time begins. */
function DayChart(
  { reports, now, words }: {
    reports: readonly KeptReport[];
    now: number;
    words: { readonly good: string; readonly bad: string };
  },
) {
  const today = Math.floor(now / DAY_MS);
  const days = Array.from({ length: DAYS }, () => ({ good: 0, bad: 0 }));
  for (const { begin, good, bad } of reports) {
    const day = days[DAYS - 1 - (today - Math.floor(begin / DAY_MS))];
    if (!day) continue;
    day.good += good;
    day.bad += bad;
  }
  const most = Math.max(1, ...days.map(({ good, bad }) => good + bad));
  const sum = (of: "good" | "bad") => number(days.reduce((total, day) => total + day[of], 0));
  const text = `In ${DAYS} days: ${sum("good")} ${words.good}, ${sum("bad")} ${words.bad}.`;
  return (
    <div class="pad">
      <p>{text}</p>
      <svg class="spark" viewBox={`0 0 ${DAYS} 24`} preserveAspectRatio="none" role="img" aria-label={text}>
        <rect class="base" x="0" y="23.4" width={DAYS} height=".6" />
        {days.map(({ good, bad }, i) => {
          const [green, red] = [(good / most) * 23, (bad / most) * 23];
          return (
            <g key={i}>
              {good === 0
                ? null
                : <rect class="b-delivered" x={i + 0.12} y={24 - green} width=".76" height={green} />}
              {bad === 0
                ? null
                : <rect class="b-bounced" x={i + 0.12} y={24 - green - red} width=".76" height={red} />}
            </g>
          );
        })}
      </svg>
    </div>
  );
}

function ReportTable({ reports, now }: { reports: readonly KeptReport[]; now: number }) {
  return (
    <table class="stack">
      <thead>
        <tr>
          <th>Day</th>
          <th>Domain</th>
          <th>By</th>
          <th>Good</th>
          <th>Bad</th>
          <th>What failed</th>
        </tr>
      </thead>
      <tbody>
        {reports.map((report) => (
          <tr key={`${report.domain} ${report.reporter} ${report.id}`}>
            <td class="quiet">
              <Time at={report.begin} now={now} />
            </td>
            <td data-label="Domain">
              <bdi class="address">{report.domain}</bdi>
            </td>
            <td data-label="By">
              <bdi>{report.reporter}</bdi>
            </td>
            <td class="number" data-label="Good">{number(report.good)}</td>
            <td class="number" data-label="Bad">{number(report.bad)}</td>
            <td data-label={report.bad === 0 ? undefined : "What failed"}>
              {report.rows.filter(({ isGood }) => !isGood).slice(0, MAX_ROWS).map((
                { peer, result, count },
              ) => (
                <p key={`${peer} ${result}`} class="small-print">
                  {number(count)} × <bdi>{result}</bdi>
                  {peer === "" ? null : <bdi class="address">{` ${peer}`}</bdi>}
                </p>
              ))}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
