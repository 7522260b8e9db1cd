// The search: sections that have all words, those with the words in the title first.
const form = document.getElementById("site-search");
const input = form.querySelector("input");
const found = document.getElementById("site-found");
const { root } = document.currentScript?.dataset ?? document.querySelector("script[data-root]").dataset;

form.hidden = false;

function search() {
  const words = input.value.toLowerCase().split(/\s+/).filter((word) => word !== "");
  const hits = words.length === 0 ? [] : globalThis.searchIndex
    .map(([title, path, text]) => ({
      title,
      path,
      text,
      points: pointsOf(title.toLowerCase(), text.toLowerCase(), words),
    }))
    .filter(({ points }) => points > 0)
    .sort((one, other) => other.points - one.points)
    .slice(0, 12);
  found.replaceChildren(...hits.map((hit) => entry(hit, words)));
  if (words.length > 0 && hits.length === 0) {
    const nothing = document.createElement("p");
    nothing.textContent = "Nothing has all of these words.";
    const item = document.createElement("li");
    item.append(nothing);
    found.append(item);
  }
}

function pointsOf(title, text, words) {
  let points = 0;
  for (const word of words) {
    if (title.split(/[^\w.]+/).includes(word)) points += 20;
    else if (title.includes(word)) points += 10;
    else if (text.includes(word)) points += 1;
    else return 0;
  }
  return points;
}

function entry({ title, path, text }, words) {
  const link = document.createElement("a");
  link.href = root + path;
  link.textContent = title;
  const at = Math.max(0, text.toLowerCase().indexOf(words[0]) - 40);
  const piece = document.createElement("small");
  piece.textContent = text.slice(at, at + 130);
  link.append(piece);
  const item = document.createElement("li");
  item.append(link);
  return item;
}

input.addEventListener("input", search);
form.addEventListener("submit", (event) => {
  event.preventDefault();
  found.querySelector("a")?.click();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") found.replaceChildren();
  const inField = event.target instanceof HTMLInputElement;
  if (event.key === "/" && !inField && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    input.focus();
  }
});
