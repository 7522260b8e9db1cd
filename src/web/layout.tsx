/** @jsxImportSource hono/jsx */
/** The layout that all views stand in: navigation, notices, the list of shortcuts. */

import type { PropsWithChildren } from "hono/jsx";
import { assetUrl } from "./assets.ts";
import { type Section, SECTIONS, type View } from "./context.ts";
import { number } from "./format.ts";
import { Icon, Sign } from "./icons.tsx";
import type { FlashMessage } from "./flash_messages.ts";
import { ActionForm } from "./parts.tsx";

const NAMES: Record<Section, { name: string; path: string; key: string }> = {
  captured: { name: "Captured", path: "/", key: "c" },
  overview: { name: "Overview", path: "/", key: "o" },
  queue: { name: "Queue", path: "/queue", key: "q" },
  mailboxes: { name: "Mailboxes", path: "/mailboxes", key: "m" },
  accounts: { name: "Accounts", path: "/accounts", key: "a" },
  aliases: { name: "Aliases", path: "/aliases", key: "l" },
  webhooks: { name: "Webhooks", path: "/webhooks", key: "w" },
  deliverability: { name: "Deliverability", path: "/deliverability", key: "d" },
  events: { name: "Events", path: "/events", key: "e" },
};

/** Where mail is captured nobody has an account, and nothing goes into the world. */
const LIVE_ONLY: ReadonlySet<Section> = new Set(["accounts", "aliases", "deliverability"]);

/** What the navigation shows, and where it leads: where mail is captured the page opens on it, and accounts are nobody's. */
function sections({ unseen }: View): { section: Section; name: string; path: string; key: string }[] {
  const all = SECTIONS.map((section) => ({ section, ...NAMES[section] }));
  if (unseen === undefined) return all.filter(({ section }) => section !== "captured");
  return all
    .filter(({ section }) => !LIVE_ONLY.has(section))
    .map((one) => one.section === "overview" ? { ...one, path: "/overview" } : one);
}

/** The outermost frame, with style and script. */
export function Document(
  p: PropsWithChildren<{ title: string; now: number; script?: boolean; bare?: boolean }>,
) {
  return (
    <html lang="en" data-now={String(p.now)}>
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        {/* forms of this page say where they come from, to this page only */}
        <meta name="referrer" content="same-origin" />
        <meta name="color-scheme" content="light dark" />
        <title>{p.title}</title>
        <link rel="icon" href={assetUrl("icon.svg")} type="image/svg+xml" />
        <link rel="stylesheet" href={assetUrl("page.css")} />
        {p.script === false ? null : <script type="module" src={assetUrl("page.js")}></script>}
      </head>
      <body class={p.bare ? "bare" : undefined}>{p.children}</body>
    </html>
  );
}

/** A view with navigation around it. */
export function Layout(p: PropsWithChildren<{ view: View; title: string; at: Section | undefined }>) {
  const { view, at } = p;
  return (
    <Document title={`${p.title} · ${view.hostname}`} now={view.now}>
      <a class="skip" href="#main">Skip to the content</a>
      <header class="rail">
        <a class="brand" href="/" aria-label="dinopost, start">
          <Sign />
          <span>dinopost</span>
        </a>
        <nav aria-label="Sections">
          {sections(view).map(({ section, name, path, key }) => (
            <a key={section} href={path} data-go={key} aria-current={section === at ? "page" : undefined}>
              <Icon of={section} />
              <span>{name}</span>
              {section === "queue" ? <Count id="nav-waiting" count={view.waiting} word="waiting" /> : null}
              {section === "captured" ? <Count id="nav-unseen" count={view.unseen} word="not read" /> : null}
            </a>
          ))}
        </nav>
        <div class="rail-foot">
          <p class="pulse js-only" id="pulse" data-state="waiting" role="status">
            <span class="dot" aria-hidden="true"></span>
            <span id="pulse-text">Connecting</span>
          </p>
          <button type="button" class="plain js-only" id="show-keys">
            Shortcuts <kbd>?</kbd>
          </button>
          <a href="/docs" class="plain">API</a>
          {view.open ? null : (
            <ActionForm view={view} action="/logout">
              <button type="submit" class="plain">Log out</button>
            </ActionForm>
          )}
        </div>
      </header>
      <main id="main" tabindex={-1}>
        <FlashMessageBar view={view} flashMessage={view.flashMessage} />
        {p.children}
      </main>
      <ConfirmDialog />
      <KeysDialog view={view} />
    </Document>
  );
}

function Count({ id, count, word }: { id: string; count: number | undefined; word: string }) {
  const shown = count !== undefined && count > 0;
  return (
    <span class="count" id={id} data-live="1" aria-label={shown ? `${count} ${word}` : undefined}>
      {shown ? number(count) : ""}
    </span>
  );
}

function FlashMessageBar({ view, flashMessage }: { view: View; flashMessage: FlashMessage | undefined }) {
  if (flashMessage === undefined) return null;
  return (
    <div class={`notice n-${flashMessage.kind}`} role="status" id="notice">
      <p>{flashMessage.text}</p>
      {flashMessage.undo === undefined ? null : (
        <ActionForm view={view} action={flashMessage.undo.action}>
          {flashMessage.undo.fields.map(([name, value]) => (
            <input key={value} type="hidden" name={name} value={value} />
          ))}
          <input type="hidden" name="back" value={view.here} />
          <button type="submit" class="small" data-key="z">{flashMessage.undo.label}</button>
        </ActionForm>
      )}
    </div>
  );
}

/** The script asks with it what else a page of its own asks. */
function ConfirmDialog() {
  return (
    <dialog id="confirm" aria-labelledby="confirm-text">
      <form method="dialog">
        <p id="confirm-text"></p>
        <div class="buttons">
          <button type="submit" value="no" autofocus>Cancel</button>
          <button type="submit" value="yes" class="danger" id="confirm-yes">Yes</button>
        </div>
      </form>
    </dialog>
  );
}

const KEYS: [keys: string[], what: string][] = [
  [["/"], "Search"],
  [["j"], "Next row"],
  [["k"], "Row before"],
  [["n"], "Older message"],
  [["p"], "Newer message"],
  [["Enter"], "Open the row"],
  [["x"], "Select the row"],
  [["r"], "Retry what is selected"],
  [["h"], "Hold it"],
  [["u"], "Release it"],
  [["z"], "Undo"],
  [["?"], "This list"],
];

function KeysDialog({ view }: { view: View }) {
  const all = [
    ...sections(view).map(({ key, name }): [string[], string] => [["g", key], name]),
    ...KEYS,
  ];
  return (
    <dialog id="keys" aria-labelledby="keys-title">
      <form method="dialog">
        <h2 id="keys-title">Shortcuts</h2>
        <dl class="keys">
          {all.map(([keys, what]) => (
            <div key={what}>
              <dt>{keys.map((k) => <kbd key={k}>{k}</kbd>)}</dt>
              <dd>{what}</dd>
            </div>
          ))}
        </dl>
        <label class="check">
          <input type="checkbox" id="keys-on" checked /> Use single keys
        </label>
        <div class="buttons">
          <button type="submit">Close</button>
        </div>
      </form>
    </dialog>
  );
}

/** The heading of a view. */
export function Head(p: PropsWithChildren<{ title: string; lead?: string }>) {
  return (
    <div class="head">
      <div>
        <h1>{p.title}</h1>
        {p.lead === undefined ? null : <p class="lead">{p.lead}</p>}
      </div>
      {p.children}
    </div>
  );
}
