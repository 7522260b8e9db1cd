/** @jsxImportSource hono/jsx */
/** The forms that act on the queue: one or many messages, with a question first where there is no undoing. */

import { type Context, Hono } from "hono";
import { isId } from "../base/ids.ts";
import type { DeliveryQueue, Refusal } from "../queue/queue.ts";
import { Problem } from "../http/problem.ts";
import type { PageContext, PageEnv, View } from "./context.ts";
import { count, number } from "./format.ts";
import { type Form, localPath, readOwnForm } from "./forms.ts";
import { Head } from "./layout.tsx";
import type { Undo } from "./flash_messages.ts";
import { ActionForm, Address, Addresses, Card } from "./parts.tsx";
import { filterOf, queryFields, type QueueQuery, queueQuery, type QueueRow, queueRow } from "./queue_rows.ts";
import { goBack, show } from "./render.tsx";

const ACTS = ["retry", "hold", "release", "bounce", "delete"] as const;
type Act = typeof ACTS[number];

/** What was done, as in `3 messages are held`. */
const DONE: Record<Act, [one: string, many: string]> = {
  retry: ["is tried now", "are tried now"],
  hold: ["is held", "are held"],
  release: ["is on its way again", "are on their way again"],
  bounce: ["was returned to its sender", "were returned to their senders"],
  delete: ["was deleted", "were deleted"],
};
const QUESTIONS = { bounce: "Return to the sender?", delete: "Delete for good?" } as const;
const MAX_IDS = 1000;

interface Tally {
  readonly done: string[];
  readonly refused: Record<Refusal, number>;
}

/** The forms' targets. */
export function queueActs(page: PageContext): Hono<PageEnv> {
  const { queue } = page.options;
  return new Hono<PageEnv>()
    .post("/queue/flush", async (c) => {
      const form = await readOwnForm(c);
      const { total } = await queue.flushJob();
      const flashMessage = total === 0
        ? { kind: "done", text: "Nothing waited for its time" } as const
        : undefined;
      // what came of it is told by the job
      return goBack(c, page, {
        back: form.text("back"),
        otherwise: "/queue",
        ...(flashMessage && { flashMessage }),
      });
    })
    .post("/queue/act", async (c) => {
      const form = await readOwnForm(c);
      const act = ACTS.find((a) => a === form.text("do"));
      if (act === undefined) throw new Problem(400, "The form does not say what to do");
      const every = form.text("every") === "" ? undefined : queueQuery((name) => given(form, name));
      const ids = every
        ? await queue.select(filterOf(every))
        : [...new Set(form.all("id").filter(isId))].slice(0, MAX_IDS);
      if (ids.length === 0) {
        const text = every ? "Nothing fits any more" : "Nothing was selected";
        return goBack(c, page, {
          back: form.text("back"),
          otherwise: "/queue",
          flashMessage: { kind: "error", text },
        });
      }
      if ((act === "bounce" || act === "delete") && form.text("sure") === "") {
        return await askFirst(c, page, { act, ids, every, back: form.text("back") });
      }
      if (every || (act === "retry" && ids.length > 1)) {
        queue.jobs.start(act, ids);
        return goBack(c, page, { back: withoutPlace(form.text("back")), otherwise: "/queue" });
      }
      return await carryOut(c, page, { act, ids, form });
    });
}

function given(form: Form, name: string): string | undefined {
  return form.has(name) ? form.raw(name) : undefined;
}

/** The first page of that list: what was on the others moves. */
function withoutPlace(path: string): string {
  const url = new URL(localPath(path, "/queue"), "http://here");
  url.searchParams.delete("after");
  url.searchParams.delete("skip");
  return url.pathname + url.search;
}

async function carryOut(
  c: Context<PageEnv>,
  page: PageContext,
  { act, ids, form }: { act: Act; ids: string[]; form: Form },
): Promise<Response> {
  const tally = await actOnAll(page.options.queue, act, ids);
  const flashMessage = {
    kind: tally.done.length === 0 ? "error" : "done",
    text: summary(act, tally),
    undo: undoOf(act, tally),
  } as const;
  // what is gone has no page to go back to
  const back = localPath(form.text("back"), "/queue");
  const gone = act === "delete" && back.startsWith("/messages/");
  const isChanged = tally.refused.partlyBusy > 0;
  return goBack(c, page, { back: gone ? "/queue" : back, otherwise: "/queue", flashMessage, isChanged });
}

/** Does it to each; some at a time, so that their commits come together. */
async function actOnAll(queue: DeliveryQueue, act: Act, ids: readonly string[]): Promise<Tally> {
  const refused = { gone: 0, busy: 0, partlyBusy: 0, held: 0, notHeld: 0, suspended: 0 };
  const tally: Tally = { done: [], refused };
  for (let i = 0; i < ids.length; i += 50) {
    await Promise.all(
      ids.slice(i, i + 50).map(async (id) => {
        const refusal = await queue[act](id);
        if (refusal === undefined) tally.done.push(id);
        else tally.refused[refusal]++;
      }),
    );
  }
  return tally;
}

function summary(act: Act, { done, refused }: Tally): string {
  const said: string[] = [];
  if (done.length > 0) said.push(`${count(done.length, "message")} ${DONE[act][done.length === 1 ? 0 : 1]}`);
  if (refused.busy > 0) {
    said.push(`${count(refused.busy, "message")} being delivered at that moment: try again shortly`);
  }
  if (refused.partlyBusy > 0) {
    const some = count(refused.partlyBusy, "message");
    said.push(`${some} being delivered to some at that moment, and done for the others: try again shortly`);
  }
  if (refused.gone > 0) said.push(`${count(refused.gone, "message")} had left the queue meanwhile`);
  if (refused.notHeld > 0) said.push(`${count(refused.notHeld, "message")} not held before`);
  if (refused.suspended > 0) {
    said.push(`${count(refused.suspended, "message")} waiting: delivery to the destination is suspended`);
  }
  return said.join("; ");
}

function undoOf(act: Act, { done }: Tally): Undo | undefined {
  const back = act === "hold" ? "release" : act === "release" ? "hold" : undefined;
  if (back === undefined || done.length === 0) return undefined;
  return {
    label: back === "release" ? "Undo: release" : "Undo: hold again",
    action: "/queue/act",
    fields: [["do", back], ...done.map((id) => ["id", id] as const)],
  };
}

async function askFirst(
  c: Context<PageEnv>,
  page: PageContext,
  of: {
    act: "bounce" | "delete";
    ids: readonly string[];
    every: QueueQuery | undefined;
    back: string;
  },
): Promise<Response> {
  const { queue, clock } = page.options;
  // of a whole list the first ones are shown, and its search is asked for again
  const shown = of.every ? of.ids.slice(0, MAX_LISTED) : of.ids;
  const found = await Promise.all(shown.map((id) => queue.message(id)));
  const rows = found.filter((records) => records.length > 0).map((records) => queueRow(records, clock.now()));
  return await show(c, page, {
    title: QUESTIONS[of.act],
    at: "queue",
    body: (view) => (
      <Question
        view={view}
        act={of.act}
        rows={rows}
        total={of.every ? of.ids.length : rows.length}
        every={of.every}
        back={localPath(of.back, "/queue")}
      />
    ),
  });
}

const MAX_LISTED = 20;

function Question(
  p: {
    view: View;
    act: "bounce" | "delete";
    rows: readonly QueueRow[];
    total: number;
    every: QueueQuery | undefined;
    back: string;
  },
) {
  const { view, act, rows, total, every, back } = p;
  const lead = act === "bounce"
    ? "Each sender gets a report that says why; the messages leave the queue."
    : "The messages leave the queue, and nobody is notified.";
  return (
    <>
      <Head title={QUESTIONS[act]} lead={lead} />
      <Card title={count(total, "message")}>
        <ul class="pad">
          {rows.slice(0, MAX_LISTED).map((row) => (
            <li key={row.id}>
              <Address of={row.sender} /> to <Addresses of={row.recipients} />
            </li>
          ))}
          {total > MAX_LISTED ? <li class="quiet">{`and ${number(total - MAX_LISTED)} more`}</li> : null}
        </ul>
        <ActionForm view={view} action="/queue/act" class="pad">
          <input type="hidden" name="sure" value="1" />
          <input type="hidden" name="back" value={back} />
          {every === undefined
            ? rows.map((row) => <input key={row.id} type="hidden" name="id" value={row.id} />)
            : [["every", "1"], ...queryFields(every)].map(([name, value]) => (
              <input key={name} type="hidden" name={name} value={value} />
            ))}
          <div class="buttons">
            <button type="submit" class="danger" name="do" value={act}>
              {act === "bounce" ? "Return to the sender" : "Delete for good"}
            </button>
            <a class="button" href={back}>Cancel</a>
          </div>
        </ActionForm>
      </Card>
    </>
  );
}
