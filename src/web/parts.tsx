/** @jsxImportSource hono/jsx */
/** The small parts that views are made of. Text from mail stays text: it becomes no class, no link. */

import type { Child, PropsWithChildren } from "hono/jsx";
import { mayCall } from "../http/roles.ts";
import type { View } from "./context.ts";
import { fullTime, isoTime, relative } from "./format.ts";

/** The states that are shown as a badge, and their words. */
export const STATE_WORDS = {
  queued: "Queued",
  deferred: "Deferred",
  held: "Held",
  accepted: "Accepted",
  delivered: "Delivered",
  failed: "Failed",
  bounced: "Bounced",
  mailbox: "In mailbox",
  report: "Report",
  session: "Session",
  login: "Login",
  note: "Note",
} as const;

/** One of them. */
export type State = keyof typeof STATE_WORDS;

/** A state in a word and a colour. */
export function Badge({ state }: { state: State }) {
  return <span class={`badge s-${state}`}>{STATE_WORDS[state]}</span>;
}

/** A time as seen from now, with the full time in its title; the page's script keeps it true. */
export function Time({ at, now }: { at: number; now: number }) {
  return <time datetime={isoTime(at)} title={fullTime(at)} data-rel="1">{relative(at, now)}</time>;
}

/** An address; the sender of reports has none. */
export function Address({ of }: { of: string }) {
  return of === "" ? <span class="quiet">the mail system</span> : <bdi class="address">{of}</bdi>;
}

/** Addresses, the first ones of many. */
export function Addresses({ of, most = 2 }: { of: readonly string[]; most?: number }) {
  const rest = of.length - most;
  return (
    <>
      {of.slice(0, most).map((address, i) => (
        <>
          {i > 0 ? ", " : ""}
          <Address of={address} />
        </>
      ))}
      {rest > 0 ? <span class="quiet">{` and ${rest} more`}</span> : null}
    </>
  );
}

/** A form that changes something, for who may do that; it carries the session's secret. */
export function ActionForm(
  p: PropsWithChildren<
    { view: Pick<View, "user" | "csrf">; action: string; class?: string; id?: string; select?: boolean }
  >,
) {
  // what somebody may not do is not offered
  const { user } = p.view;
  if (user && !mayCall(user.role, "POST", p.action)) return null;
  return (
    <form
      method="post"
      action={p.action}
      class={p.class ?? "inline"}
      id={p.id}
      data-select={p.select ? "1" : undefined}
    >
      <input type="hidden" name="csrf" value={p.view.csrf} />
      {p.children}
    </form>
  );
}

/** What is shown where there is nothing: why, and what to do next. */
export function Empty({ title, children }: PropsWithChildren<{ title: string }>) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      <div>{children}</div>
    </div>
  );
}

/** A part of a page with its heading. */
export function Card(
  p: PropsWithChildren<{ title: string; id?: string; aside?: Child; class?: string; live?: boolean }>,
) {
  return (
    <section
      class={p.class === undefined ? "card" : `card ${p.class}`}
      id={p.id}
      data-live={p.live ? "1" : undefined}
    >
      <div class="card-head">
        <h2>{p.title}</h2>
        {p.aside ?? null}
      </div>
      {p.children}
    </section>
  );
}

/** Something wrong with what was typed. */
export function Complaint({ text }: { text: string | undefined }) {
  return text === undefined ? null : <p class="complaint" role="alert">{text}</p>;
}

/** A text field with its label. */
export function Field(
  p: {
    label: string;
    name: string;
    id: string;
    type?: string;
    value?: string | undefined;
    hint?: string;
    required?: boolean;
    autocomplete?: string;
    placeholder?: string;
  },
) {
  const hintId = p.hint === undefined ? undefined : `${p.id}-hint`;
  return (
    <div class="field">
      <label for={p.id}>{p.label}</label>
      <input
        id={p.id}
        name={p.name}
        type={p.type ?? "text"}
        value={p.value}
        required={p.required}
        autocomplete={p.autocomplete ?? "off"}
        placeholder={p.placeholder}
        aria-describedby={hintId}
      />
      {p.hint === undefined ? null : <p class="hint" id={hintId}>{p.hint}</p>}
    </div>
  );
}
