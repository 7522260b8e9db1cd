// The keyboard. Goes behind live.js in one script.

const keysOn = $("keys-on");
const KEYS_OFF = "dinopost-keys-off";
if (keysOn) {
  keysOn.checked = !localStorage.getItem(KEYS_OFF);
  keysOn.addEventListener("change", () => {
    if (keysOn.checked) localStorage.removeItem(KEYS_OFF);
    else localStorage.setItem(KEYS_OFF, "1");
  });
}
$("show-keys")?.addEventListener("click", () => $("keys").showModal());

function step(by) {
  const rows = [...document.querySelectorAll("main tbody tr")].filter((row) =>
    row.querySelector("a.row-link")
  );
  if (rows.length === 0) return;
  const at = rows.findIndex((row) => row.classList.contains("current"));
  const next =
    rows[at < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.min(Math.max(at + by, 0), rows.length - 1)];
  for (const row of rows) row.classList.toggle("current", row === next);
  next.querySelector("a.row-link").focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
}

let going = false;
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  const { target, key } = event;
  const typing = target.isContentEditable || /^(?:TEXTAREA|SELECT)$/.test(target.tagName) ||
    (target.tagName === "INPUT" && target.type !== "checkbox");
  if (typing) {
    if (key === "Escape") target.blur();
    return;
  }
  if (document.querySelector("dialog[open]")) return;
  if (key !== "?" && keysOn && !keysOn.checked) return;
  if (going) {
    going = false;
    const link = [...document.querySelectorAll("a[data-go]")].find((a) => a.dataset.go === key);
    if (link) {
      event.preventDefault();
      link.click();
    }
    return;
  }
  const act = {
    g: () => {
      going = true;
      setTimeout(() => {
        going = false;
      }, 1500);
    },
    "?": () => $("keys")?.showModal(),
    "/": () => document.querySelector("main input[type=search]")?.focus(),
    j: () => step(1),
    k: () => step(-1),
    x: () => document.querySelector("tr.current input[type=checkbox]")?.click(),
  }[key];
  if (act) {
    event.preventDefault();
    act();
    return;
  }
  const button = [...document.querySelectorAll("main [data-key]")].find((b) =>
    b.dataset.key === key && !b.disabled
  );
  if (button) {
    event.preventDefault();
    button.click();
  }
});
