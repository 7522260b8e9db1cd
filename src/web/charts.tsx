/** @jsxImportSource hono/jsx */
/** The small charts. Their geometry is in attributes: the page allows no styles in place. */

import { type ByState, QUEUE_STATES, type QueueState, type QueueStats } from "../queue/stats.ts";
import { count, number, span } from "./format.ts";
import type { Counted } from "./activity.ts";
import { STATE_WORDS } from "./parts.tsx";

/** What happened in each minute of an hour. */
export function Sparkline({ what, counts }: { what: Counted; counts: readonly number[] }) {
  const most = Math.max(1, ...counts);
  return (
    <svg class="spark" viewBox={`0 0 ${counts.length} 24`} preserveAspectRatio="none" aria-hidden="true">
      <rect class="base" x="0" y="23.4" width={counts.length} height=".6" />
      {counts.map((n, i) => {
        const height = n === 0 ? 0 : Math.max(1.5, (n / most) * 23);
        return n === 0
          ? null
          : <rect key={i} class={`b-${what}`} x={i + 0.12} y={24 - height} width=".76" height={height} />;
      })}
    </svg>
  );
}

/** How many messages wait, by age and state. */
export function AgeChart({ stats }: { stats: QueueStats }) {
  const sums = stats.ages.map(({ byState }) => QUEUE_STATES.reduce((sum, s) => sum + byState[s], 0));
  const most = Math.max(1, ...sums);
  return (
    <div class="bars" role="list" aria-label="Messages by age">
      {stats.ages.map(({ upTo, byState }, i) => (
        <AgeRow
          key={i}
          label={ageLabel(stats.ages[i - 1]?.upTo, upTo)}
          byState={byState}
          sum={sums[i]!}
          most={most}
        />
      ))}
    </div>
  );
}

function AgeRow(
  { label, byState, sum, most }: { label: string; byState: ByState; sum: number; most: number },
) {
  let x = 0;
  const parts = QUEUE_STATES.map((state) => {
    const width = (byState[state] / most) * 100;
    x += width;
    return { state, x: x - width, width };
  }).filter(({ width }) => width > 0);
  const words = QUEUE_STATES.filter((s) => byState[s] > 0).map((s) =>
    `${number(byState[s])} ${STATE_WORDS[s].toLowerCase()}`
  );
  return (
    <>
      <span class="label" role="listitem" aria-label={`${label}: ${words.join(", ") || "none"}`}>
        {label}
      </span>
      <svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
        {words.length === 0 ? null : <title>{words.join(", ")}</title>}
        {parts.map((part) => (
          <rect key={part.state} class={`b-${part.state}`} x={part.x} y="0" width={part.width} height="10" />
        ))}
      </svg>
      <span class={sum === 0 ? "number quiet" : "number"} aria-hidden="true">{number(sum)}</span>
    </>
  );
}

function ageLabel(from: number | undefined, upTo: number): string {
  if (upTo === Infinity) return `over ${span(from ?? 0)}`;
  return from === undefined ? `up to ${span(upTo)}` : `to ${span(upTo)}`;
}

/** How many messages are in which state; each leads to them. */
export function StateLegend({ byState }: { byState: ByState }) {
  return (
    <div class="legend">
      {QUEUE_STATES.map((state) => <LegendEntry key={state} state={state} messages={byState[state]} />)}
    </div>
  );
}

function LegendEntry({ state, messages }: { state: QueueState; messages: number }) {
  return (
    <a href={`/queue?state=${state}`}>
      <svg viewBox="0 0 10 10" aria-hidden="true">
        <rect class={`b-${state}`} width="10" height="10" rx="3" />
      </svg>
      {STATE_WORDS[state]} <b>{number(messages)}</b>
    </a>
  );
}

/** How full something is. */
export function Fill({ used, of }: { used: number; of: number }) {
  const part = of === 0 ? 100 : Math.min(100, (used / of) * 100);
  return (
    <svg
      class="bar"
      viewBox="0 0 100 4"
      preserveAspectRatio="none"
      role="img"
      aria-label={count(Math.round(part), "percent", "percent")}
    >
      <rect class={part > 90 ? "full" : undefined} width={part} height="4" />
    </svg>
  );
}
