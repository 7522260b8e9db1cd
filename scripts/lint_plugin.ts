/** The rules of this house that `deno lint` does not know: ranks of folders, sizes, time and randomness. */

/** The rank of each folder of `src/`: a file imports from its own folder or from folders of strictly lower rank. */
const RANKS: ReadonlyMap<string, number> = new Map([
  ["base", 0],
  ["config", 1],
  ["mail", 1],
  ["storage", 1],
  ["backup", 2],
  ["faults", 2],
  ["observe", 2],
  ["dns", 3],
  ["wire", 3],
  ["acme", 4],
  ["auth", 4],
  ["authentication", 4],
  ["preview", 4],
  ["transport", 4],
  ["webhooks", 4],
  ["deliverability", 5],
  ["dsn", 5],
  ["http", 5],
  ["mailbox", 5],
  ["recipients", 5],
  ["smtp", 5],
  ["capture", 6],
  ["delivery", 6],
  ["imap", 6],
  ["pop3", 6],
  ["reports", 6],
  ["queue", 7],
  ["intake", 8],
  ["api", 9],
  ["web", 10],
  ["dialects", 11],
]);

/** Folders that may import anything, as the files right in `src/` may; no ranked folder imports from them. */
const FREE_FOLDERS: ReadonlySet<string> = new Set(["cli", "server", "testing"]);

const FILE_LINES = 400;
const FUNCTION_LINES = 60;

/** What reads the system's clock, sets its timers or draws random numbers. */
const CLOCK_METHODS: ReadonlySet<string> = new Set([
  "Date.now",
  "performance.now",
  "Math.random",
  "AbortSignal.timeout",
  "Temporal.Now",
]);
const CLOCK_FUNCTIONS: ReadonlySet<string> = new Set(["setTimeout", "setInterval", "Date"]);

type Context = Deno.lint.RuleContext;
type FunctionNode =
  | Deno.lint.FunctionDeclaration
  | Deno.lint.FunctionExpression
  | Deno.lint.ArrowFunctionExpression;

/** The path below `src/` as parts, or undefined for a file that is not in `src/`. */
function placeInSource(filename: string): string[] | undefined {
  const parts = filename.replaceAll("\\", "/").split("/");
  const src = parts.lastIndexOf("src");
  return src === -1 ? undefined : parts.slice(src + 1);
}

/** The folder of `src/` that an import leads to: a folder's name, "" for `src/` itself, undefined for elsewhere. */
function importedFolder(place: readonly string[], specifier: string): string | undefined {
  if (!specifier.startsWith(".")) return undefined;
  const at = place.slice(0, -1);
  for (const step of specifier.split("/")) {
    if (step === "..") {
      if (at.length === 0) return undefined; // above src/
      at.pop();
    } else if (step !== ".") at.push(step);
  }
  return at.length > 1 ? at[0] : "";
}

function rank(context: Context): Deno.lint.LintVisitor {
  const place = placeInSource(context.filename);
  const folder = place?.[0];
  if (!place || place.length < 2 || folder === undefined || FREE_FOLDERS.has(folder)) return {};
  const own = RANKS.get(folder);

  function look(node: Deno.lint.Node, source: unknown) {
    if (typeof source !== "string") return;
    const target = importedFolder(place!, source);
    if (target === undefined || target === folder) return;
    const message = own === undefined
      ? `The folder src/${folder} has no rank`
      : target === ""
      ? `src/${folder} imports a file of src/ itself, which is above all folders`
      : problem(folder!, target);
    if (message !== undefined) {
      context.report({ node, message, hint: "Ranks are in src/README.md and in scripts/lint_plugin.ts" });
    }
  }

  function problem(from: string, to: string): string | undefined {
    const other = RANKS.get(to);
    if (FREE_FOLDERS.has(to)) return `src/${from} imports from src/${to}, which is above all ranks`;
    if (other === undefined) return `src/${from} imports from src/${to}, which has no rank`;
    if (other < own!) return undefined;
    return `src/${from} (rank ${own}) imports from src/${to} (rank ${other}), expected a lower rank`;
  }

  return {
    ImportDeclaration: (node) => look(node, node.source.value),
    ExportNamedDeclaration: (node) => look(node, node.source?.value),
    ExportAllDeclaration: (node) => look(node, node.source.value),
    ImportExpression: (node) => look(node, node.source.type === "Literal" ? node.source.value : undefined),
    TSImportType: (node) => look(node, context.sourceCode.getText(node.argument).replace(/^["']|["']$/g, "")),
  };
}

function fileSize(context: Context): Deno.lint.LintVisitor {
  if (!placeInSource(context.filename) || isGenerated(context.sourceCode.text)) return {};
  return {
    Program(node) {
      const lines = context.sourceCode.text.trimEnd().split("\n").length;
      if (lines <= FILE_LINES) return;
      context.report({
        node,
        message: `This file has ${lines} lines, expected ${FILE_LINES} at most`,
        hint: "A file that grows past it has two jobs",
      });
    },
  };
}

/** Nobody reads or writes such a file: how long it is says nothing. */
function isGenerated(text: string): boolean {
  return text.slice(0, text.indexOf("\n")).includes("Made by `deno task ");
}

function functionSize(context: Context): Deno.lint.LintVisitor {
  if (!placeInSource(context.filename)) return {};
  const { text } = context.sourceCode;

  function look(node: FunctionNode) {
    const [start, end] = node.range;
    let lines = 1;
    for (let at = text.indexOf("\n", start); at !== -1 && at < end; at = text.indexOf("\n", at + 1)) lines++;
    if (lines <= FUNCTION_LINES) return;
    context.report({
      node,
      message: `This function has ${lines} lines, expected ${FUNCTION_LINES} at most`,
      hint: "A function that grows past it has two jobs",
    });
  }

  return { FunctionDeclaration: look, FunctionExpression: look, ArrowFunctionExpression: look };
}

function dottedName(node: Deno.lint.Node): string | undefined {
  if (node.type === "Identifier") return node.name;
  if (node.type !== "MemberExpression" || node.property.type !== "Identifier" || node.computed) {
    return undefined;
  }
  const object = dottedName(node.object);
  return object && `${object}.${node.property.name}`.replace(/^(?:globalThis|window|self)\./, "");
}

function clock(context: Context): Deno.lint.LintVisitor {
  const place = placeInSource(context.filename);
  // a .js file is a browser's, and its time is the real one
  if (!place || place[0] === "base" || context.filename.endsWith(".js")) return {};

  function report(node: Deno.lint.Node, name: string) {
    context.report({
      node,
      message: `${name} outside src/base/`,
      hint: "Take a Clock or a Random as a parameter: tests move time and repeat chance",
    });
  }

  return {
    CallExpression(node) {
      const name = dottedName(node.callee);
      if (name !== undefined && CLOCK_FUNCTIONS.has(name)) report(node, `${name}()`);
    },
    MemberExpression(node) {
      const name = dottedName(node);
      if (name !== undefined && CLOCK_METHODS.has(name)) report(node, name);
    },
    NewExpression(node) {
      if (dottedName(node.callee) === "Date" && node.arguments.length === 0) {
        report(node, "new Date() without an argument");
      }
    },
  };
}

/** Deno KV's own timer for rows. */
function expiry(context: Context): Deno.lint.LintVisitor {
  if (!placeInSource(context.filename)) return {};
  return {
    Property(node) {
      if (node.key.type !== "Identifier" || node.key.name !== "expireIn") return;
      context.report({
        node,
        message: "expireIn ends the process when a row is due on a full disk",
        hint: "Use expiring() of src/storage/expiry.ts",
      });
    },
  };
}

function defaultExport(context: Context): Deno.lint.LintVisitor {
  if (!placeInSource(context.filename)) return {};
  return {
    ExportDefaultDeclaration(node) {
      context.report({
        node,
        message: "A default export",
        hint: "Exports have names, so that imports can be found",
      });
    },
  };
}

function indexFile(context: Context): Deno.lint.LintVisitor {
  const place = placeInSource(context.filename);
  if (!place || !/^index\.tsx?$/.test(place.at(-1)!)) return {};
  return {
    Program(node) {
      context.report({
        node,
        message: "A file called index",
        hint: "Name the file after what it is in charge of",
      });
    },
  };
}

/** The rules, for `lint.plugins` in deno.json. */
const plugin: Deno.lint.Plugin = {
  name: "house",
  rules: {
    "rank": { create: rank },
    "file-size": { create: fileSize },
    "function-size": { create: functionSize },
    "clock": { create: clock },
    "expiry": { create: expiry },
    "default-export": { create: defaultExport },
    "index-file": { create: indexFile },
  },
};

export default plugin;
