/** Text in the format "flowed" (RFC 3676), as paragraphs. */

interface Paragraph {
  readonly depth: number;
  text: string[];
}

/**
 * Joins the lines that a blank at the end continues, within one depth of quotation only (4.5); a signature's mark
 * stands alone (4.3), blanks that were stuffed are taken away (4.4), and with DelSp=yes the blank at the end too.
 */
export function unflowed(text: string, delSp: boolean): string {
  const done: string[] = [];
  let open: Paragraph | undefined;
  const close = () => {
    if (open) done.push(marked(open));
    open = undefined;
  };
  for (const line of text.split(/\r?\n/)) {
    const depth = /^>*/.exec(line)![0].length;
    const rest = line.slice(line[depth] === " " ? depth + 1 : depth);
    const isSignature = rest === "-- ";
    // a blank line ends a paragraph, as people mean it, though the line before it went on
    if (open?.depth !== depth || isSignature || rest === "") close();
    const flows = rest.endsWith(" ") && !isSignature;
    open ??= { depth, text: [] };
    open.text.push(flows && delSp ? rest.slice(0, -1) : rest);
    if (!flows) close();
  }
  close();
  return done.join("\n");
}

function marked({ depth, text }: Paragraph): string {
  const whole = text.join("");
  return depth === 0 ? whole : `${">".repeat(depth)}${whole === "" ? "" : " "}${whole}`;
}
