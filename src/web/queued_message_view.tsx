/** @jsxImportSource hono/jsx */
/** The view of one message's delivery history: from acceptance to the last server's last reply. */

import { Hono } from "hono";
import { isId } from "../base/ids.ts";
import { type HistoryItem, type MessageHistory, messageHistory } from "../api/message_history.ts";
import { Problem, quoted } from "../http/problem.ts";
import type { PageContext, PageEnv, View } from "./context.ts";
import { size, took } from "./format.ts";
import { pathTo } from "./forms.ts";
import { Head } from "./layout.tsx";
import { ActionForm, Address, Addresses, Badge, Card, type State, STATE_WORDS, Time } from "./parts.tsx";
import { QueueButtons } from "./queue_table.tsx";
import type { QueueRecord } from "../queue/record.ts";
import { queueRow } from "./queue_rows.ts";
import { type QueuedHeader, readQueuedHeader } from "./queued_header.ts";
import { show } from "./render.tsx";

interface MessageFacts {
  readonly history: MessageHistory;
  /** What is still in the queue. */
  readonly records: readonly QueueRecord[];
  readonly header: QueuedHeader | undefined;
  /** When the queue gives up: milliseconds since 1970. */
  readonly expiresAt: number | undefined;
}

/** The page. */
export function messagePages(page: PageContext): Hono<PageEnv> {
  const { queue, giveUpAfter } = page.options;
  return new Hono<PageEnv>().get("/messages/:id", async (c) => {
    const id = c.req.param("id");
    const [history, records] = isId(id)
      ? await Promise.all([messageHistory(id, page.options), queue.message(id)])
      : [undefined, []];
    if (!history) throw new Problem(404, `Nothing is known of a message ${quoted(id)}`);
    const record = records[0];
    const facts: MessageFacts = {
      history,
      records,
      header: record && await readQueuedHeader(queue.text(record)),
      expiresAt: record && record.receivedAt + giveUpAfter,
    };
    return await show(c, page, {
      title: facts.header?.subject || `Message ${id}`,
      at: "queue",
      body: (view) => <MessageView view={view} facts={facts} />,
    });
  });
}

function MessageView({ view, facts }: { view: View; facts: MessageFacts }) {
  const { history, records, header } = facts;
  const row = records.length === 0 ? undefined : queueRow(records, view.now);
  return (
    <>
      <p class="crumbs">
        <a href="/queue">Queue</a> / <span class="id">{history.id}</span>
      </p>
      <Head title={header?.subject || (header ? "No subject" : "A message")} />
      <div id="message-actions" data-live="1">
        {row === undefined ? null : (
          <ActionForm view={view} action="/queue/act" class="buttons">
            <input type="hidden" name="id" value={history.id} />
            <input type="hidden" name="back" value={view.here} />
            <QueueButtons single held={records.some((r) => r.held)} free={records.some((r) => !r.held)} />
            <a class="button" href={`/api/v1/queue/${history.id}/message`} download>Download</a>
          </ActionForm>
        )}
      </div>
      <Card title="What it is" id="message-facts" live aside={<StateOf facts={facts} view={view} />}>
        <Facts view={view} facts={facts} />
      </Card>
      <Card title="Delivery history" id="message-history" live>
        <DeliveryHistory view={view} facts={facts} />
      </Card>
    </>
  );
}

function StateOf({ facts, view }: { facts: MessageFacts; view: View }) {
  const { records, history } = facts;
  if (records.length > 0) return <Badge state={queueRow(records, view.now).state} />;
  return <Badge state={knownState(history.events.at(-1)?.type) ?? "delivered"} />;
}

function knownState(type: string | undefined): State | undefined {
  return type !== undefined && type in STATE_WORDS ? type as State : undefined;
}

function Facts({ view, facts }: { view: View; facts: MessageFacts }) {
  const { history, records, header, expiresAt } = facts;
  const waiting = records.flatMap((r) => r.recipients.map((x) => x.address));
  const accepted = history.events.find((e) => e.type === "accepted");
  const bytes = records[0]?.body.size ?? accepted?.["size"];
  const source = stringOf(accepted?.["source"]);
  const account = stringOf(accepted?.["account"]);
  return (
    <dl class="facts pad">
      <div>
        <dt>Sender</dt>
        <dd>
          <Address of={history.sender ?? ""} />
        </dd>
      </div>
      <div>
        <dt>Recipients</dt>
        <dd>
          <Addresses of={history.recipients} most={20} />
        </dd>
      </div>
      {header === undefined || header.from === "" ? null : (
        <div>
          <dt>From</dt>
          <dd>
            <bdi>{header.from}</bdi>
          </dd>
        </div>
      )}
      <div>
        <dt>Came</dt>
        <dd>
          {[
            source === undefined ? "" : `by ${source}`,
            account === undefined ? "" : `as ${account}`,
            typeof bytes === "number" ? size(bytes) : "",
          ].filter((t) => t !== "").join(", ")}
        </dd>
      </div>
      {waiting.length === 0 ? null : (
        <div>
          <dt>Still to serve</dt>
          <dd>
            <Addresses of={waiting} most={20} />
          </dd>
        </div>
      )}
      {expiresAt === undefined ? null : (
        <div>
          <dt>Given up</dt>
          <dd>
            <Time at={expiresAt} now={view.now} />
          </dd>
        </div>
      )}
    </dl>
  );
}

function DeliveryHistory({ view, facts }: { view: View; facts: MessageFacts }) {
  const next = facts.records.filter((r) => !r.held).map((r) => r.dueAt);
  const held = facts.records.some((r) => r.held);
  return (
    <ol class="history">
      {facts.history.events.map((item, i) => <HistoryRow key={i} view={view} item={item} />)}
      {held
        ? (
          <li class="l-next">
            <span></span>
            <div class="what">
              <Badge state="held" />
              <p class="small-print">It waits until you release it.</p>
            </div>
          </li>
        )
        : null}
      {next.length === 0 ? null : (
        <li class="l-next">
          <Time at={Math.max(view.now, Math.min(...next))} now={view.now} />
          <div class="what">
            <h3>Next attempt</h3>
          </div>
        </li>
      )}
    </ol>
  );
}

const HISTORY_CLASSES: Record<string, string> = {
  accepted: "l-accepted",
  mailbox: "l-mailbox",
  delivered: "l-delivered",
  deferred: "l-deferred",
  bounced: "l-bounced",
};

function HistoryRow({ view, item }: { view: View; item: HistoryItem }) {
  const state = knownState(item.type);
  return (
    <li class={HISTORY_CLASSES[item.type]}>
      <Time at={Date.parse(item.at)} now={view.now} />
      <div class="what">
        {state === undefined ? <h3>{item.type}</h3> : <Badge state={state} />} <HistoryWords item={item} />
      </div>
    </li>
  );
}

function HistoryWords({ item }: { item: HistoryItem }) {
  const of = (name: string) => stringOf(item[name]);
  const mailbox = of("mailbox");
  if (mailbox !== undefined) return <a href={pathTo("mailboxes", mailbox)}>{mailbox}</a>;
  const recipients = item["recipients"];
  if (Array.isArray(recipients)) return <Addresses of={recipients} most={20} />;
  if (item.type === "accepted") return <span class="quiet">on disk, and ours from then on</span>;
  const [recipient, host, address, reply, tls, inClear, enhanced] = [
    of("recipient"),
    of("host"),
    of("address"),
    of("reply"),
    of("tls"),
    of("inClear"),
    of("enhanced"),
  ];
  const duration = item["durationMs"];
  const how = [
    host === undefined ? "" : `at ${host}${address === undefined ? "" : ` [${address}]`}`,
    tls === undefined ? "" : tls,
    inClear === undefined ? "" : `in clear: ${inClear}`,
    typeof duration === "number" ? took(duration) : "",
  ].filter((part) => part !== "").join(" · ");
  return (
    <>
      {recipient === undefined ? null : <Address of={recipient} />}
      {how === "" ? null : <p class="small-print">{how}</p>}
      {reply === undefined || reply === "" ? null : <p class="reply">{shownReply(reply, enhanced)}</p>}
      {Array.isArray(item["dialogue"]) ? <Conversation lines={item["dialogue"]} /> : null}
    </>
  );
}

function Conversation({ lines }: { lines: readonly string[] }) {
  return (
    <details>
      <summary>What was said</summary>
      <pre class="reply">{lines.join("\n")}</pre>
    </details>
  );
}

/** The enhanced status stands in front unless the reply has it already. */
function shownReply(reply: string, enhanced: string | undefined): string {
  if (enhanced === undefined || reply.includes(enhanced)) return reply;
  const [, code, text] = /^(\d{3} )(.*)$/s.exec(reply) ?? [];
  return code === undefined ? `${enhanced} ${reply}` : `${code}${enhanced} ${text}`;
}

function stringOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
