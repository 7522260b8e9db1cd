// "Try it" on /docs: each call can be made with the page's session, or with a token that is kept in this tab only.

const token = document.querySelector("#token");

for (const details of document.querySelectorAll("details[data-path]")) {
  details.addEventListener("toggle", () => {
    const place = details.querySelector(".try");
    if (details.open && place && place.childElementCount === 0) fill(details, place);
  });
}

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function fill(details, place) {
  const { method, path, parameters, type, body } = details.dataset;
  const fields = JSON.parse(parameters).map(({ name, in: where, required, example }) => {
    const input = element("input", { type: "text", autocomplete: "off", spellcheck: false });
    if (where === "path") input.value = example ?? "";
    input.required = required === true;
    place.append(element("label", {}, element("span", { textContent: `${name} (${where})` }), input));
    return { name, where, input };
  });
  let area;
  if (type !== "") {
    area = element("textarea", {
      value: body,
      rows: Math.min(12, body.split("\n").length + 1),
      spellcheck: false,
    });
    place.append(element("label", {}, element("span", { textContent: `body (${type})` }), area));
  }
  const button = element("button", { type: "button", textContent: "Try it" });
  const said = element("pre", { className: "said", tabIndex: 0, hidden: true });
  said.setAttribute("role", "status");
  said.setAttribute("aria-label", "The answer");
  place.append(button, said);
  button.addEventListener("click", async () => {
    button.disabled = true;
    said.hidden = false;
    said.textContent = "…";
    try {
      said.textContent = await call({ method, path, fields, type, body: area?.value });
    } catch (error) {
      said.textContent = String(error);
    }
    button.disabled = false;
  });
}

async function call({ method, path, fields, type, body }) {
  let to = path;
  const query = new URLSearchParams();
  for (const { name, where, input } of fields) {
    if (where === "path") to = to.replace(`{${name}}`, encodeURIComponent(input.value));
    else if (where === "query" && input.value !== "") query.append(name, input.value);
  }
  const headers = { "x-dinopost-csrf": "1" };
  if (token.value !== "") headers.authorization = `Bearer ${token.value}`;
  if (type !== "") headers["content-type"] = type;
  const text = query.size === 0 ? to : `${to}?${query}`;
  const stop = new AbortController();
  const response = await fetch(text, {
    method: method.toUpperCase(),
    headers,
    signal: stop.signal,
    ...(type !== "" && { body: type.includes("json") ? body : body.replace(/\r?\n/g, "\r\n") }),
  });
  const head = `${method.toUpperCase()} ${text}\n${response.status} ${
    response.headers.get("content-type") ?? ""
  }\n\n`;
  return head + await read(response, stop);
}

// an answer may have no end, such as the events
async function read(response, stop) {
  if (!response.body) return "";
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  const end = new Promise((resolve) => setTimeout(resolve, 5000, { done: true }));
  let text = "";
  while (text.length < 100_000) {
    const { done, value } = await Promise.race([reader.read(), end]);
    if (done) break;
    text += value;
  }
  reader.cancel().catch(() => {});
  stop.abort();
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
