// Live regions, times that stay true, questions before what can't be undone.
// The page works without it. It builds nothing out of texts: what changes comes as a page of the server, of which the
// regions marked `data-live` are taken over. `relative` is put in front by the server (format.ts).

const root = document.documentElement;
const $ = (id) => document.getElementById(id);
root.classList.add("js");

let skew = Number(root.dataset.now) - Date.now();

function tellTimes() {
  const now = Date.now() + skew;
  for (const time of document.querySelectorAll("time[data-rel]")) {
    const text = relative(Date.parse(time.dateTime), now);
    if (time.textContent !== text) time.textContent = text;
  }
}
setInterval(tellTimes, 5000);

// a notice is said once: going back or reloading does not say it again
if (location.search.includes("notice=")) history.replaceState(null, "", plainUrl());

function plainUrl() {
  const url = new URL(location.href);
  url.searchParams.delete("notice");
  return url;
}

const keyOf = (node) => node.nodeType === 1 ? node.dataset?.row : undefined;

/** Makes node into wanted, keeping what is equal: focus, selection and what was typed stay. */
function morph(node, wanted) {
  if (node.nodeType !== wanted.nodeType || node.nodeName !== wanted.nodeName) {
    node.replaceWith(document.importNode(wanted, true));
    return;
  }
  if (node.nodeType !== 1) {
    if (node.data !== wanted.data) node.data = wanted.data;
    return;
  }
  if (node.isEqualNode(wanted)) return;
  if (node.classList.contains("current")) wanted.classList.add("current");
  for (const { name, value } of wanted.attributes) {
    if (name !== "disabled" && node.getAttribute(name) !== value) node.setAttribute(name, value);
  }
  for (const { name } of [...node.attributes]) {
    if (!wanted.hasAttribute(name) && name !== "open" && name !== "disabled") node.removeAttribute(name);
  }
  morphChildren(node, wanted);
}

function morphChildren(node, wanted) {
  const keyed = new Map();
  for (const child of node.children) if (child.dataset?.row) keyed.set(child.dataset.row, child);
  let at = node.firstChild;
  for (const child of [...wanted.childNodes]) {
    const key = keyOf(child);
    const same = key ? keyed.get(key) : at && !keyOf(at) ? at : undefined;
    if (!same) {
      const made = document.importNode(child, true);
      if (key) made.classList.add("fresh");
      node.insertBefore(made, at);
    } else {
      if (same === at) at = at.nextSibling;
      else node.insertBefore(same, at);
      morph(same, child);
    }
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

let refreshing = false, again = false, earliest = 0, timer = 0, paused = false;

function refreshSoon() {
  if (paused || document.hidden) return;
  if (refreshing) {
    again = true;
    return;
  }
  timer ||= setTimeout(refresh, Math.max(150, earliest - performance.now()));
}

async function refresh() {
  timer = 0;
  refreshing = true;
  const began = performance.now();
  try {
    const answer = await fetch(plainUrl(), { headers: { accept: "text/html" }, cache: "no-store" });
    if (answer.status === 401) return void pulse("lost", "Logged out");
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    skew = Number(page.documentElement.dataset.now || Date.now()) - Date.now();
    for (const wanted of page.querySelectorAll("[data-live]")) {
      const node = wanted.id && $(wanted.id);
      if (node) morph(node, wanted);
    }
    tellTimes();
    for (const form of document.querySelectorAll("form[data-select]")) countChosen(form);
  } catch {
    // the next event tries again, and the pulse says that the server is away
  } finally {
    refreshing = false;
    // a busy server, or one that is far away, is asked less often
    earliest = performance.now() + Math.max(700, 12 * (performance.now() - began));
    if (again) {
      again = false;
      refreshSoon();
    }
  }
}

const TYPES = [
  "session",
  "accepted",
  "delivered",
  "deferred",
  "bounced",
  "mailbox",
  "login",
  "health",
  "report",
  "note",
];
let source, retry = 0;

function pulse(state, text) {
  const mark = $("pulse");
  if (!mark) return;
  mark.dataset.state = state;
  $("pulse-text").textContent = text;
}

function listen() {
  if (source || document.hidden || !$("pulse")) return;
  source = new EventSource("/api/v1/events?types=" + TYPES.join());
  source.onopen = () => {
    pulse("live", paused ? "Paused" : "Live");
    // what happened since the page was made, or since the connection was lost, was told to nobody
    refreshSoon();
  };
  source.onerror = () => {
    pulse("lost", "Connection lost");
    if (source?.readyState !== EventSource.CLOSED) return;
    stopListening();
    retry = setTimeout(listen, 5000);
  };
  for (const type of [...TYPES, "lost"]) source.addEventListener(type, refreshSoon);
}

function stopListening() {
  clearTimeout(retry);
  source?.close();
  source = undefined;
}

// a page that nobody sees keeps no connection
document.addEventListener("visibilitychange", () => {
  if (document.hidden) stopListening();
  else {
    listen();
    refreshSoon();
  }
});
addEventListener("pagehide", stopListening);
addEventListener("pageshow", (event) => {
  if (event.persisted) {
    listen();
    refreshSoon();
  }
});
// retries come due and ages grow without an event
setInterval(refreshSoon, 15000);
// what goes on for a while is not told of by events alone
setInterval(() => document.querySelector("[data-running]") && refreshSoon(), 1000);

$("pause")?.addEventListener("click", (event) => {
  paused = !paused;
  event.currentTarget.textContent = paused ? "Go on" : "Pause";
  pulse("live", paused ? "Paused" : "Live");
  if (!paused) refreshSoon();
});
listen();
function countChosen(form) {
  const boxes = [...form.querySelectorAll("tbody input[type=checkbox]")];
  const chosen = boxes.filter((box) => box.checked).length;
  const all = form.querySelector("input[data-all]");
  if (all) {
    all.checked = chosen > 0 && chosen === boxes.length;
    all.indeterminate = chosen > 0 && chosen < boxes.length;
  }
  const every = form.querySelector("input[data-every]:checked");
  const label = form.querySelector("[data-chosen]");
  if (label) {
    label.textContent = every
      ? "All " + every.dataset.every + " selected"
      : chosen === 0
      ? "Nothing selected"
      : chosen + " selected";
  }
  for (const button of form.querySelectorAll("[data-needs]")) button.disabled = chosen === 0 && !every;
}

let lastBox;
for (const form of document.querySelectorAll("form[data-select]")) {
  countChosen(form);
  form.addEventListener("click", (event) => {
    const box = event.target;
    if (box.type !== "checkbox") return;
    if (box.dataset.every) return void countChosen(form);
    const boxes = [...form.querySelectorAll("tbody input[type=checkbox]")];
    if (box.dataset.all) { for (const one of boxes) one.checked = box.checked; }
    else {
      if (event.shiftKey && lastBox) {
        const [from, to] = [boxes.indexOf(lastBox), boxes.indexOf(box)].sort((a, b) => a - b);
        if (from >= 0) { for (const one of boxes.slice(from, to + 1)) one.checked = box.checked; }
      }
      lastBox = box;
    }
    countChosen(form);
  });
}

// what can't be undone is asked for here; without this script the server asks
document.addEventListener("submit", (event) => {
  const { target: form, submitter } = event;
  const question = submitter?.dataset.confirm;
  if (!question || form.elements.sure) return;
  event.preventDefault();
  const chosen = form.querySelectorAll("tbody input[type=checkbox]:checked").length;
  const dialog = $("confirm");
  const every = form.querySelector("input[data-every]:checked");
  $("confirm-text").textContent = question.replace(
    "{n}",
    every
      ? "all " + every.dataset.every + " messages that fit"
      : chosen === 1
      ? "this message"
      : "these " + chosen + " messages",
  );
  $("confirm-yes").textContent = submitter.dataset.yes ?? submitter.textContent.trim();
  dialog.returnValue = "no";
  dialog.addEventListener("close", () => {
    if (dialog.returnValue !== "yes") return submitter.focus();
    const sure = document.createElement("input");
    sure.type = "hidden";
    sure.name = "sure";
    sure.value = "1";
    form.append(sure);
    form.requestSubmit(submitter);
  }, { once: true });
  dialog.showModal();
});

for (const select of document.querySelectorAll("select[data-submit]")) {
  select.addEventListener("change", () => select.form.requestSubmit());
}
