/** In charge of the looks of what stands in the views: badges, tables, charts, the life of a message, mail. */

/** The second part of the style sheet. */
export const STYLE_OF_PARTS = `
/* states: a colour and always a word */
.badge { display: inline-flex; align-items: center; gap: .38rem; padding: .06rem .5rem .06rem .42rem;
  border-radius: 99px; font-size: .82rem; font-weight: 580; white-space: nowrap; background: var(--grey-soft);
  color: var(--grey); }
.badge::before { content: ""; width: .42rem; height: .42rem; border-radius: 50%; background: currentColor; }
.s-queued, .s-accepted { background: var(--blue-soft); color: var(--blue); }
.s-deferred { background: var(--amber-soft); color: var(--amber); }
.s-held { background: var(--violet-soft); color: var(--violet); }
.s-delivered, .s-mailbox { background: var(--green-soft); color: var(--green); }
.s-failed, .s-bounced, .s-bad { background: var(--red-soft); color: var(--red); }
.health { display: flex; gap: .65rem; align-items: flex-start; padding: .75rem 1.05rem; border-radius: var(--r);
  margin-bottom: 1.15rem; background: var(--green-soft); color: var(--green); font-weight: 560; }
.health.bad { background: var(--amber-soft); color: var(--amber); }
.health ul { display: grid; gap: .15rem; }
.health a { color: inherit; }

/* figures */
.tiles { display: grid; grid-template-columns: repeat(4, minmax(0, 1fr)); gap: 1.15rem; margin-bottom: 1.15rem; }
.tile { background: var(--surface); border: 1px solid var(--line); border-radius: var(--r); padding: .8rem 1.05rem .7rem;
  box-shadow: var(--shadow); min-width: 0; }
.tile h2 { font-size: .88rem; color: var(--muted); font-weight: 540; }
.tile .figure { font-size: 1.75rem; line-height: 1.25; font-weight: 640; letter-spacing: -.025em; }
.tile .figure small { font-size: .82rem; font-weight: 480; color: var(--muted); letter-spacing: 0; }
.spark { display: block; width: 100%; height: 2.1rem; margin-top: .35rem; }
.spark .base { fill: var(--line); }
.spark .b-accepted { fill: var(--c-queued); } .spark .b-delivered { fill: var(--green); }
.spark .b-deferred { fill: var(--c-deferred); } .spark .b-bounced { fill: var(--red); }
.bars { display: grid; grid-template-columns: max-content minmax(0, 1fr) max-content; gap: .42rem .9rem;
  align-items: center; }
.bars .label { color: var(--muted); font-size: .9rem; }
.bars svg { display: block; width: 100%; height: 1rem; border-radius: 4px; overflow: hidden; background: var(--hover); }
.b-queued { fill: var(--c-queued); } .b-deferred { fill: var(--c-deferred); } .b-held { fill: var(--c-held); }
.legend { display: flex; flex-wrap: wrap; gap: .45rem .6rem; margin-bottom: 1rem; }
.legend a { display: inline-flex; gap: .45rem; align-items: center; text-decoration: none; color: var(--ink);
  border: 1px solid var(--line); border-radius: 99px; padding: .18rem .75rem .18rem .6rem; font-size: .92rem; }
.legend a:hover { background: var(--hover); }
.legend svg { width: .7rem; height: .7rem; }
.legend b { font-weight: 640; }

/* tables; on a phone each row becomes a small card */
table { width: 100%; border-collapse: collapse; }
th { text-align: left; font-size: .82rem; font-weight: 560; color: var(--muted); padding: .4rem .6rem; white-space: nowrap; }
td { padding: .52rem .6rem; border-top: 1px solid var(--line); vertical-align: top; }
th:first-child, td:first-child { padding-left: 1.1rem; }
th:last-child, td:last-child { padding-right: 1.1rem; }
tbody tr:hover { background: var(--hover); }
tbody tr:focus-within { background: var(--hover); }
tbody tr.current { box-shadow: inset 3px 0 var(--accent); }
.tick { width: 1%; }
.tick input { margin-top: .22rem; }
.why { color: var(--muted); font-size: .88rem; display: -webkit-box; -webkit-line-clamp: 2; line-clamp: 2;
  -webkit-box-orient: vertical; overflow: hidden; margin-top: .1rem; }
.row-link { color: inherit; text-decoration: none; font-weight: 560; }
.row-link:hover { text-decoration: underline; }
.id { font-family: var(--mono); font-size: .84rem; color: var(--muted); white-space: nowrap; }
.unread .row-link { font-weight: 700; }
.unread td:nth-child(2) .row-link::before { content: ""; display: inline-block; width: .5rem; height: .5rem;
  border-radius: 50%; background: var(--accent); margin-right: .5rem; vertical-align: .07em; }
.tabs { display: flex; flex-wrap: wrap; gap: .1rem; border-bottom: 1px solid var(--line); margin-bottom: 1rem; }
.tabs a { padding: .42rem .8rem .5rem; color: var(--muted); text-decoration: none; border-bottom: 2px solid transparent;
  font-weight: 530; margin-bottom: -1px; }
.tabs a:hover { color: var(--ink); }
.tabs a[aria-current] { color: var(--ink); border-color: var(--accent); }
.tabs .count { margin-left: .3rem; }
.toolbar { display: flex; flex-wrap: wrap; gap: .45rem; align-items: center; padding: .7rem 1.1rem;
  border-bottom: 1px solid var(--line); position: sticky; top: 0; background: var(--surface); z-index: 2;
  border-radius: var(--r) var(--r) 0 0; }
.toolbar .chosen { color: var(--muted); margin-right: auto; font-size: .92rem; }
.toolbar + table tbody tr:first-child td { border-top: 0; }
.pager { display: flex; gap: 1rem; align-items: center; justify-content: space-between; padding: .75rem 1.1rem;
  border-top: 1px solid var(--line); color: var(--muted); font-size: .92rem; }

/* facts, and the life of a message */
.facts { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .35rem 1.4rem; }
.facts dt { color: var(--muted); }
.facts > div { display: contents; }
.life { padding: .3rem 1.1rem 1.1rem; }
.life li { display: grid; grid-template-columns: 7rem minmax(0, 1fr); gap: 0 1.4rem; padding: .15rem 0 1.05rem;
  position: relative; }
.life li > time { color: var(--muted); text-align: right; font-size: .9rem; padding-top: .08rem; }
.life .what { border-left: 2px solid var(--line); padding: 0 0 .2rem 1.25rem; margin-bottom: -1.05rem;
  padding-bottom: 1.05rem; position: relative; }
.life li:last-child .what { border-left-color: transparent; padding-bottom: 0; margin-bottom: 0; }
.life .what::before { content: ""; position: absolute; left: -.42rem; top: .4rem; width: .7rem; height: .7rem;
  border-radius: 50%; background: var(--line-strong); border: 2px solid var(--surface); }
.life .l-accepted .what::before { background: var(--blue); } .life .l-deferred .what::before { background: var(--c-deferred); }
.life .l-delivered .what::before, .life .l-mailbox .what::before { background: var(--green); }
.life .l-bounced .what::before { background: var(--red); } .life .l-next .what::before { background: var(--surface);
  border-color: var(--line-strong); }
.reply { font-family: var(--mono); font-size: .84rem; background: var(--bg); border: 1px solid var(--line);
  border-radius: 7px; padding: .4rem .6rem; margin-top: .4rem; white-space: pre-wrap; }
.small-print { color: var(--muted); font-size: .88rem; margin-top: .25rem; }

/* mail */
.mail-head { padding: 1rem 1.1rem .9rem; border-bottom: 1px solid var(--line); }
.mail-body { padding: 1rem 1.1rem 1.2rem; }
.letter { font-family: var(--mono); font-size: .88rem; line-height: 1.55; white-space: pre-wrap; max-width: 84ch; }
.frame { width: 100%; height: 32rem; max-height: 75vh; resize: vertical; border: 1px solid var(--line);
  border-radius: 8px; background: #fff; color-scheme: light; display: block; }
.source { max-height: 70vh; overflow: auto; font-size: .82rem; background: var(--bg); border: 1px solid var(--line);
  border-radius: 8px; padding: .8rem 1rem; }
.files { display: flex; flex-wrap: wrap; gap: .55rem; padding: .2rem 1.1rem 1.1rem; }
.file { border: 1px solid var(--line-strong); border-radius: 9px; padding: .42rem .75rem; text-decoration: none;
  color: var(--ink); display: grid; max-width: 100%; }
.file:hover { background: var(--hover); }
.file span { color: var(--muted); font-size: .85rem; }
.event-what { min-width: 0; }
.bar { height: .4rem; width: 6rem; display: block; border-radius: 99px; background: var(--grey-soft); overflow: hidden; }
.bar rect { fill: var(--accent); } .bar .full { fill: var(--red); }

@media (max-width: 820px) {
  .tiles { grid-template-columns: 1fr 1fr; gap: .7rem; }
  .grid { gap: .9rem; }
}
@media (max-width: 640px) {
  .stack thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .stack, .stack tbody { display: block; }
  .stack tr { display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: .1rem .9rem; padding: .7rem 1.1rem;
    border-top: 1px solid var(--line); position: relative; }
  .stack tr:has(> .tick) { padding-left: 2.9rem; }
  .stack td, .stack td:first-child, .stack td:last-child { border: 0; padding: 0; }
  .stack td { grid-column: 1 / -1; }
  .stack .tick { position: absolute; grid-column: auto; left: 1.1rem; top: .7rem; width: auto; }
  .stack td[data-label]::before { content: attr(data-label) " "; color: var(--muted); font-size: .86rem; }
  .stack td.number { text-align: left; }
  .stack td:empty { display: none; }
  .life li { grid-template-columns: minmax(0, 1fr); padding-left: .45rem; }
  .life li > time { grid-row: 2; text-align: left; padding-left: 1.4rem; border-left: 2px solid transparent; }
  .facts { grid-template-columns: minmax(0, 1fr); gap: 0; }
  .facts dd { margin-bottom: .5rem; }
  .keys { grid-template-columns: 1fr; }
  .toolbar .chosen { width: 100%; }
}
`;
