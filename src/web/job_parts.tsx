/** @jsxImportSource hono/jsx */
/** The jobs of the queue as people see them: what is going on, and what came of it. */

import type { Job, QueueAction } from "../queue/queue.ts";
import type { View } from "./context.ts";
import { count, number } from "./format.ts";
import { pathTo } from "./forms.ts";
import { Time } from "./parts.tsx";

/** What is shown of late. */
const SHOWN_MS = 10 * 60_000;
const MOST_SHOWN = 3;
const MOST_REFUSED = 5;

const DOING: Record<QueueAction, string> = {
  retry: "Trying",
  hold: "Holding",
  release: "Releasing",
  bounce: "Returning",
  delete: "Deleting",
};
const DONE: Record<Exclude<QueueAction, "retry">, string> = {
  hold: "held",
  release: "released",
  bounce: "returned to their senders",
  delete: "deleted",
};

/** The jobs that run, and those that ended a moment ago; the newest first. */
export function JobList({ view, jobs }: { view: View; jobs: readonly Job[] }) {
  const shown = jobs.filter(({ total, endedAt }) => total > 0 && (endedAt ?? view.now) > view.now - SHOWN_MS);
  return (
    <div id="queue-jobs" data-live="1" role="status">
      {shown.slice(0, MOST_SHOWN).map((job) => <JobNotice key={job.id} view={view} job={job} />)}
    </div>
  );
}

function JobNotice({ view, job }: { view: View; job: Job }) {
  const { action, state, total, done, refusals, error, endedAt } = job;
  if (state === "running") {
    return (
      <div class="notice" data-row={job.id} data-running="1">
        <p>{`${DOING[action]} ${count(total, "message")}: ${number(done)} done`}</p>
        <progress max={total} value={done} aria-label={`${DOING[action]} messages`}></progress>
      </div>
    );
  }
  return (
    <div class={state === "failed" ? "notice n-error" : "notice"} data-row={job.id}>
      <p>
        {`${resultOf(job)}${state === "failed" ? `. It stopped: ${error ?? "the server failed"}` : ""} `}
        {endedAt === undefined ? null : (
          <span class="quiet">
            <Time at={endedAt} now={view.now} />
          </span>
        )}
      </p>
      {refusals === 0 ? null : <Refused job={job} />}
    </div>
  );
}

function resultOf({ action, delivered, deferred, failed, changed, refusals }: Job): string {
  const not = refusals === 0 ? "" : `, ${number(refusals)} left alone`;
  if (action !== "retry") return `${number(changed)} ${DONE[action]}${not}`;
  const parts = [`${number(delivered)} delivered`];
  if (deferred > 0) parts.push(`${number(deferred)} failed again`);
  if (failed > 0) parts.push(`${number(failed)} given up`);
  return parts.join(", ") + not;
}

function Refused({ job: { refused, refusals } }: { job: Job }) {
  return (
    <details>
      <summary>Left alone</summary>
      <ul>
        {refused.slice(0, MOST_REFUSED).map(({ id, text }) => (
          <li key={id}>
            <a href={pathTo("messages", id)} class="id">{id}</a>: {text}
          </li>
        ))}
        {refusals > MOST_REFUSED
          ? <li class="quiet">{`and ${number(refusals - MOST_REFUSED)} more`}</li>
          : null}
      </ul>
    </details>
  );
}
