/** Markdown as HTML, with what is looked for in it: headings, links, blocks of code, words. */

import { Marked, type Token } from "marked";

/** A heading. */
export interface Heading {
  level: number;
  /** Without marks. */
  text: string;
  /** The anchor, as GitHub makes it. */
  id: string;
}

/** A block of code. */
export interface CodeBlock {
  /** What stands behind the fence: `ts`. */
  language: string;
  text: string;
}

/** A text in Markdown, read. */
export interface Page {
  html: string;
  /** The first heading. */
  title: string;
  headings: Heading[];
  /** Where links and images lead, as they are written. */
  links: string[];
  code: CodeBlock[];
}

/**
 * Reads a page.
 *
 * @param link Turns what a link says into what the HTML shall say.
 */
export function readMarkdown(text: string, link: (href: string) => string = (href) => href): Page {
  const headings: Heading[] = [];
  const links: string[] = [];
  const code: CodeBlock[] = [];
  const taken = new Map<string, number>();
  const marked = new Marked({
    walkTokens(token: Token) {
      if (token.type === "heading") {
        const words = plain(token.tokens ?? []);
        headings.push({ level: token.depth, text: words, id: anchorOf(words, taken) });
      } else if (token.type === "link" || token.type === "image") {
        links.push(token.href);
        token.href = link(token.href);
      } else if (token.type === "code") code.push({ language: token.lang ?? "", text: token.text });
    },
  });
  let shown = 0;
  marked.use({
    renderer: {
      heading({ tokens, depth }) {
        const { id } = headings[shown++]!;
        const self = depth === 1
          ? ""
          : ` <a class="self" href="#${id}" aria-label="Link to this section">#</a>`;
        return `<h${depth} id="${id}">${this.parser.parseInline(tokens)}${self}</h${depth}>\n`;
      },
      code: ({ text, lang }) =>
        `<pre tabindex="0"><code class="language-${lang ?? ""}">${escapeHtml(text)}</code></pre>\n`,
      table(token) {
        const row = (cells: typeof token.header, tag: string) =>
          `<tr>${
            cells.map((one) => `<${tag}>${this.parser.parseInline(one.tokens)}</${tag}>`).join("")
          }</tr>`;
        const named = token.header.every((one) => one.text !== "");
        const head = `<thead${named ? "" : ' class="unnamed"'}>${row(token.header, "th")}</thead>`;
        const body = token.rows.map((cells) => row(cells, "td")).join("\n");
        return `<div class="wide" tabindex="0"><table>${head}<tbody>${body}</tbody></table></div>\n`;
      },
    },
  });
  const html = marked.parse(text, { async: false });
  return { html, title: headings[0]?.text ?? "", headings, links, code };
}

/** The words of a text, without its marks. */
function plain(tokens: readonly Token[]): string {
  return tokens.map((token) =>
    "tokens" in token && token.tokens ? plain(token.tokens) : "text" in token ? token.text : ""
  )
    .join("");
}

/** An anchor as GitHub makes it of a heading. */
function anchorOf(text: string, taken: Map<string, number>): string {
  const id = text.toLowerCase().replaceAll(/[^\p{L}\p{N}\s_-]/gu, "").replaceAll(/\s/g, "-");
  const times = taken.get(id) ?? 0;
  taken.set(id, times + 1);
  return times === 0 ? id : `${id}-${times}`;
}

/** A text in HTML, between tags or in quotes. */
export function escapeHtml(text: string): string {
  const signs: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  return text.replaceAll(/[&<>"]/g, (sign) => signs[sign]!);
}
