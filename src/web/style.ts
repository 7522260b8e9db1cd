/** In charge of the page's looks: colours, type, the frame, forms and buttons. */

/** The first part of the style sheet. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --bg: #f6f5f0; --surface: #fffefb; --raised: #fff; --ink: #1c211b; --muted: #5b6357; --line: #e1ded3;
  --line-strong: #c9c6b8; --accent: #1d6b50; --accent-ink: #fff; --accent-soft: #e2eee6; --hover: #f1efe7;
  --blue: #1f5fa8; --blue-soft: #e3edf8; --amber: #8a5200; --amber-soft: #fbeed2; --violet: #5d4794;
  --violet-soft: #ece7f7; --green: #1a6b42; --green-soft: #dff0e5; --red: #a5281f; --red-soft: #fbe5e1;
  --grey: #565d53; --grey-soft: #eae8df; --c-queued: #3f7fc7; --c-deferred: #dd9a2b; --c-held: #8b75c9;
  --shadow: 0 1px 2px rgb(40 38 28 / .05), 0 4px 16px rgb(40 38 28 / .04);
  --sans: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", Arial, sans-serif;
  --mono: ui-monospace, "SF Mono", SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace;
  --r: 10px;
}
@media (prefers-color-scheme: dark) {
  :root {
    --bg: #121411; --surface: #191c18; --raised: #1f231e; --ink: #e7e9e2; --muted: #a1a99b; --line: #2b302a;
    --line-strong: #434a41; --accent: #74c9a5; --accent-ink: #0b1f16; --accent-soft: #1d3128; --hover: #20241f;
    --blue: #90bdf0; --blue-soft: #1b2b3f; --amber: #eebd6a; --amber-soft: #38290f; --violet: #bfadf0;
    --violet-soft: #2b2440; --green: #7fd0a2; --green-soft: #17301f; --red: #f59c90; --red-soft: #40201c;
    --grey: #a9b0a3; --grey-soft: #282c26; --c-queued: #5c9be0; --c-deferred: #d99a35; --c-held: #9a86d6;
    --shadow: 0 1px 2px rgb(0 0 0 / .3);
  }
}
*, *::before, *::after { box-sizing: border-box; }
html { font: 15px/1.5 var(--sans); -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body {
  margin: 0; background: var(--bg); color: var(--ink); min-height: 100vh; display: grid;
  grid-template-columns: 13.5rem minmax(0, 1fr); font-variant-numeric: tabular-nums; overflow-wrap: anywhere;
}
body.bare { display: block; }
h1, h2, h3, p, dl, dd, ul, ol, pre, figure { margin: 0; }
h1 { font-size: 1.6rem; line-height: 1.2; letter-spacing: -.02em; font-weight: 650; text-wrap: balance; }
h2 { font-size: 1rem; font-weight: 620; letter-spacing: -.005em; }
h3 { font-size: .93rem; font-weight: 620; }
a { color: var(--accent); text-decoration-thickness: 1px; text-underline-offset: .18em; }
code, pre, kbd, .mono { font-family: var(--mono); font-size: .9em; }
pre { white-space: pre-wrap; }
ul, ol { padding: 0; list-style: none; }
bdi { unicode-bidi: isolate; }
time { white-space: nowrap; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 4px; }
main:focus { outline: none; }
[hidden] { display: none !important; }
.js-only { display: none; }
.js .js-only { display: revert; }
.quiet, .muted { color: var(--muted); }
.number { text-align: right; white-space: nowrap; }
.inline { display: inline; }
td form + form { margin-left: .4rem; }
.unseen {
  position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap;
}
.skip {
  position: fixed; left: .75rem; top: -5rem; z-index: 10; background: var(--accent); color: var(--accent-ink);
  padding: .5rem .9rem; border-radius: 0 0 8px 8px;
}
.skip:focus { top: 0; }

/* the frame */
.rail {
  position: sticky; top: 0; height: 100vh; display: flex; flex-direction: column; gap: 1.4rem;
  padding: 1.4rem .9rem 1.1rem 1.1rem; border-right: 1px solid var(--line);
}
.brand {
  display: flex; align-items: center; gap: .55rem; color: var(--ink); text-decoration: none; font-weight: 680;
  font-size: 1.12rem; letter-spacing: -.025em; padding: 0 .45rem;
}
.sign { width: 1.75rem; height: 1.75rem; stroke: var(--accent); stroke-width: 1.9; fill: none;
  stroke-linejoin: round; stroke-linecap: round; flex: none; }
.sign circle { fill: var(--accent); stroke: none; }
.rail nav { display: grid; gap: 2px; }
.rail nav a {
  display: flex; align-items: center; gap: .65rem; padding: .42rem .55rem; border-radius: 8px; color: var(--muted);
  text-decoration: none; font-weight: 520;
}
.rail nav a:hover { background: var(--hover); color: var(--ink); }
.rail nav a[aria-current] { background: var(--accent-soft); color: var(--ink); font-weight: 620; }
.rail nav a[aria-current] .icon { stroke: var(--accent); }
.icon { width: 1.05rem; height: 1.05rem; fill: none; stroke: currentColor; stroke-width: 1.4;
  stroke-linejoin: round; stroke-linecap: round; flex: none; }
.count { margin-left: auto; font-size: .82rem; font-weight: 560; color: var(--muted); }
.rail-foot { margin-top: auto; display: grid; gap: .15rem; font-size: .88rem; justify-items: start; }
.rail-foot .plain { padding: .25rem .55rem; }
.pulse { display: none; align-items: center; gap: .5rem; padding: .25rem .55rem; color: var(--muted); }
.js .pulse { display: flex; }
.dot { width: .5rem; height: .5rem; border-radius: 50%; background: var(--line-strong); flex: none; }
.pulse[data-state=live] .dot { background: var(--green); box-shadow: 0 0 0 3px var(--green-soft); }
.pulse[data-state=lost] .dot { background: var(--red); box-shadow: 0 0 0 3px var(--red-soft); }
.pulse[data-state=lost] { color: var(--red); }
main { padding: 1.75rem clamp(1rem, 3vw, 2.6rem) 4rem; max-width: 78rem; min-width: 0; width: 100%; }
.head { display: flex; flex-wrap: wrap; gap: .8rem 1.5rem; justify-content: space-between; align-items: flex-end;
  margin-bottom: 1.35rem; }
.lead { color: var(--muted); margin-top: .25rem; }
.crumbs { font-size: .9rem; margin-bottom: .55rem; color: var(--muted); }
.crumbs a { color: inherit; }

/* cards */
.card { background: var(--surface); border: 1px solid var(--line); border-radius: var(--r); box-shadow: var(--shadow);
  margin-bottom: 1.15rem; min-width: 0; }
.card-head { display: flex; justify-content: space-between; align-items: baseline; gap: 1rem; flex-wrap: wrap;
  padding: .85rem 1.1rem .3rem; }
.card-head > :last-child:not(h2) { font-size: .9rem; color: var(--muted); }
.pad { padding: .35rem 1.1rem 1rem; }
.grid { display: grid; gap: 1.15rem; grid-template-columns: repeat(12, minmax(0, 1fr)); }
.grid > * { margin-bottom: 0; }
.w12 { grid-column: span 12; } .w7 { grid-column: span 7; } .w5 { grid-column: span 5; }
.empty { padding: 1.5rem 1.1rem 1.7rem; color: var(--muted); max-width: 62ch; }
.empty-title { color: var(--ink); font-weight: 600; margin-bottom: .2rem; }
.empty pre { margin-top: .7rem; background: var(--bg); border: 1px solid var(--line); border-radius: 8px;
  padding: .65rem .8rem; color: var(--ink); font-size: .84rem; }

/* forms and buttons */
button, .button, input, select, textarea { font: inherit; color: inherit; }
button, .button {
  display: inline-flex; align-items: center; gap: .4rem; padding: .4rem .8rem; border-radius: 8px; cursor: pointer;
  border: 1px solid var(--line-strong); background: var(--raised); font-weight: 540; text-decoration: none;
  color: var(--ink); line-height: 1.35;
}
button:hover, .button:hover { background: var(--hover); }
button.primary { background: var(--accent); border-color: var(--accent); color: var(--accent-ink); }
button.primary:hover { filter: brightness(1.08); }
button.danger { color: var(--red); border-color: color-mix(in srgb, var(--red) 45%, transparent); }
button.danger:hover { background: var(--red-soft); }
button:disabled { opacity: .45; cursor: not-allowed; }
button.small, .button.small { padding: .16rem .55rem; font-size: .86rem; border-radius: 7px; }
.plain, button.plain { border: 0; background: none; padding: 0; color: var(--muted); font-weight: 480;
  text-decoration: none; border-radius: 6px; }
.plain:hover, button.plain:hover { color: var(--ink); background: none; text-decoration: underline; }
input:not([type=checkbox], [type=hidden]), select, textarea {
  width: 100%; padding: .42rem .65rem; border: 1px solid var(--line-strong); border-radius: 8px;
  background: var(--raised);
}
input::placeholder { color: var(--muted); opacity: .8; }
input[type=checkbox] { width: 1.05rem; height: 1.05rem; accent-color: var(--accent); margin: 0; flex: none; }
.field { display: grid; gap: .22rem; align-content: start; }
.field label { font-weight: 560; font-size: .92rem; }
.hint { color: var(--muted); font-size: .85rem; }
.fields { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(15rem, 100%), 1fr)); gap: .9rem 1.1rem; }
.buttons { display: flex; flex-wrap: wrap; gap: .5rem; align-items: center; margin-top: 1rem; }
.complaint { background: var(--red-soft); color: var(--red); border-radius: 8px; padding: .5rem .75rem;
  margin-bottom: .9rem; font-weight: 540; }
.check { display: inline-flex; align-items: center; gap: .5rem; }
.search { display: flex; flex-wrap: wrap; gap: .5rem; align-items: center; margin-bottom: 1.15rem; }
#message-actions .buttons { margin: 0 0 1.15rem; }
.search input[type=search] { width: 17rem; max-width: 100%; flex: 1 1 12rem; }
.search select { width: auto; flex: 0 1 auto; }
.notice { display: flex; flex-wrap: wrap; gap: .4rem 1rem; align-items: center; justify-content: space-between;
  padding: .6rem .9rem; border-radius: var(--r); margin-bottom: 1.1rem; background: var(--green-soft);
  color: var(--green); font-weight: 540; }
.notice.n-trouble { background: var(--amber-soft); color: var(--amber); }
dialog { border: 1px solid var(--line-strong); border-radius: 14px; background: var(--surface); color: var(--ink);
  padding: 1.3rem 1.5rem; max-width: min(30rem, calc(100vw - 2rem)); box-shadow: 0 20px 60px rgb(0 0 0 / .25); }
dialog::backdrop { background: rgb(15 18 14 / .4); }
dialog .buttons { justify-content: flex-end; }
#confirm-text { white-space: pre-line; }
.keys { display: grid; grid-template-columns: 1fr 1fr; gap: .35rem 1.6rem; margin: .9rem 0 1.1rem; }
.keys > div { display: flex; gap: .7rem; align-items: baseline; }
.keys dt { min-width: 3.6rem; display: flex; gap: .25rem; }
kbd { border: 1px solid var(--line-strong); border-bottom-width: 2px; border-radius: 5px; padding: 0 .35rem;
  font-size: .8rem; background: var(--raised); color: var(--ink); }

/* the door */
.door { min-height: 100vh; display: grid; place-items: center; padding: 1.5rem; }
.door-card { width: min(25rem, 100%); background: var(--surface); border: 1px solid var(--line); border-radius: 16px;
  padding: 2rem 1.9rem 1.7rem; box-shadow: var(--shadow); }
.door-card .sign { width: 3rem; height: 3rem; margin: 0 0 .5rem -.25rem; }
.door-card h1 { font-size: 1.35rem; }
.door-card .lead { margin-bottom: 1.3rem; }
.door-card button { width: 100%; justify-content: center; margin-top: 1rem; padding: .55rem; }
.door-foot { margin-top: 1.2rem; font-size: .87rem; color: var(--muted); }

@media (max-width: 1080px) { .w7, .w5 { grid-column: span 12; } }
@media (max-width: 820px) {
  body { display: block; }
  .rail { position: static; height: auto; border-right: 0; border-bottom: 1px solid var(--line); gap: .7rem;
    padding: .8rem 1rem 0; display: grid; grid-template-columns: 1fr auto; align-items: center; }
  .brand { padding: 0; }
  .rail nav { grid-column: 1 / -1; grid-row: 2; display: flex; overflow-x: auto; margin: 0 -1rem; padding: 0 .6rem;
    scrollbar-width: none; gap: 0; }
  .rail nav a { padding: .45rem .6rem .6rem; border-radius: 0; flex: none; border-bottom: 2px solid transparent; }
  .rail nav a[aria-current] { background: none; border-bottom-color: var(--accent); }
  .rail nav .icon { display: none; }
  .count { margin-left: -.25rem; }
  .rail-foot { display: flex; margin: 0; gap: .2rem; align-items: center; }
  .rail-foot .plain { padding: .3rem .4rem; }
  #show-keys, .js #show-keys { display: none; }
  main { padding-top: 1.2rem; }
  h1 { font-size: 1.4rem; }
}
@media (prefers-reduced-motion: no-preference) {
  .fresh { animation: fresh 1.8s ease-out; }
  @keyframes fresh { from { background: var(--accent-soft); } }
}
@media (forced-colors: active) { .dot, .badge::before { forced-color-adjust: none; } }
`;
