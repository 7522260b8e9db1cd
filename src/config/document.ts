/** The configuration file: JSON with comments, and the line of everything in it. */

import type { Node } from "jsonc-parser";
import { ConfigError } from "./error.ts";
import { type Path, pathText } from "./keys.ts";

/** What stands in a file. */
export interface Document {
  /** The values as they were written. */
  readonly values: Record<string, unknown>;
  /** Keys that are given twice, or can't be. */
  readonly faults: readonly ConfigError[];
  /** The line, from 1, of the value at a path or of the nearest thing around it that is in the file. */
  lineOf(path: Path): number;
  /** The line, from 1, of the name of a key at a path. */
  lineOfKey(path: Path): number;
}

/** What jsonc-parser calls its complaints, and what to say to people. */
const COMPLAINTS: Readonly<Record<string, string>> = {
  InvalidSymbol: "this word has no meaning here; text needs double quotes",
  InvalidNumberFormat: "this number is malformed",
  PropertyNameExpected: "a key in double quotes is expected here",
  ValueExpected: "a value is expected here",
  ColonExpected: 'a ":" is missing between key and value',
  CommaExpected: 'a "," is missing before this',
  CloseBraceExpected: 'a "}" is missing',
  CloseBracketExpected: 'a "]" is missing',
  EndOfFileExpected: "nothing more is expected after the end of the configuration",
  InvalidCommentToken: "a comment begins with // or stands between /* and */",
  UnexpectedEndOfComment: 'a comment is not closed by "*/"',
  UnexpectedEndOfString: "the closing double quote is missing",
  UnexpectedEndOfNumber: "this number is malformed",
  InvalidUnicode: "this \\u escape is malformed",
  InvalidEscapeCharacter: "this \\ escape is not known",
  InvalidCharacter: "this character must be escaped",
};

/**
 * Reads the text of a configuration file; `source` is its name for people. Throws a {@linkcode ConfigError} for
 * bad syntax: one fault a line, since what follows on it mostly comes of the first. The parser is loaded on first use: a server without a file
 * starts without it.
 */
export async function readDocument(text: string, source: string): Promise<Document> {
  const { findNodeAtLocation, parseTree, printParseErrorCode } = await import("jsonc-parser");
  const content = text.replace(/^\uFEFF/, " ");
  const errors: { error: number; offset: number; length: number }[] = [];
  const root = parseTree(content, errors, { allowTrailingComma: true });
  const complaints = new Map<number, ConfigError>();
  for (const { error, offset } of errors) {
    const line = lineAt(content, offset);
    if (complaints.has(line)) continue;
    const problem = COMPLAINTS[printParseErrorCode(error)] ?? "this is not JSON";
    complaints.set(line, new ConfigError({ source, line }, problem));
  }
  if (complaints.size > 0) throw ConfigError.of([...complaints.values()]);
  if (root && root.type !== "object") {
    const line = lineAt(content, root.offset);
    throw new ConfigError({ source, line }, `received ${article(root.type)}, expected an object: { … }`);
  }
  const faults: ConfigError[] = [];
  const values = root ? toValue(root, []) as Record<string, unknown> : {};
  return { values, faults, lineOf, lineOfKey };

  function lineOf(path: Path): number {
    for (let length = path.length; root && length > 0; length--) {
      const node = findNodeAtLocation(root, path.slice(0, length));
      if (node) return lineAt(content, node.offset);
    }
    return lineAt(content, root?.offset ?? 0);
  }

  function lineOfKey(path: Path): number {
    const node = root && findNodeAtLocation(root, [...path]);
    const key = node?.parent?.type === "property" ? node.parent : node;
    return key ? lineAt(content, key.offset) : lineOf(path);
  }

  function toValue(node: Node, path: Path): unknown {
    if (node.type === "array") return (node.children ?? []).map((child, i) => toValue(child, [...path, i]));
    if (node.type !== "object") return node.value;
    const firstLine = new Map<string, number>();
    const entries = (node.children ?? []).flatMap((property) => {
      const [key, value] = property.children as [Node, Node];
      const name: string = key.value;
      const here = [...path, name];
      const line = lineAt(content, key.offset);
      const before = firstLine.get(name);
      const problem = before !== undefined
        ? `given twice, first on line ${before}`
        : name === "__proto__"
        ? "this key is not known"
        : undefined;
      if (problem !== undefined) {
        faults.push(new ConfigError({ source, line, key: pathText(here) }, problem));
        return [];
      }
      firstLine.set(name, line);
      return [[name, toValue(value, here)]];
    });
    return Object.fromEntries(entries);
  }
}

function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let i = text.indexOf("\n"); i !== -1 && i < offset; i = text.indexOf("\n", i + 1)) line++;
  return line;
}

function article(type: string): string {
  return type === "array" ? "a list" : type === "null" ? "null" : `a ${type}`;
}
