/** The items of a FETCH in the order in which they are answered, by what it takes to answer them. */

import type { FetchItem, OctetRange, PartNumber, PlainItem, Section } from "./request.ts";

/** What the index of a folder has. */
export type IndexItem =
  | "UID"
  | "FLAGS"
  | "MODSEQ"
  | "INTERNALDATE"
  | "RFC822.SIZE"
  | "SAVEDATE"
  | "EMAILID"
  | "THREADID";

/** What the card of a message has. */
export type CardItem = "ENVELOPE" | "BODYSTRUCTURE" | "BODY" | "PREVIEW";

/** What has to be read in the message itself. */
export type TextItem =
  | SectionItem
  | Labelled & { readonly kind: "binary"; readonly part: PartNumber }
  | Labelled & { readonly kind: "binarySize"; readonly part: PartNumber };

/** A section of the message. */
export interface SectionItem extends Labelled {
  readonly kind: "section";
  readonly section: Section;
  /** The names of `HEADER.FIELDS`, in lower case: folded once, since there may be thousands. */
  readonly names?: ReadonlySet<string> | undefined;
}

interface Labelled {
  /** `BODY[HEADER.FIELDS (subject)]<0>`, as it is answered. */
  readonly label: string;
  readonly partial?: OctetRange | undefined;
}

/** All that is answered of each message: first what is short, texts last, as many clients want it. */
export interface FetchPlan {
  readonly index: readonly IndexItem[];
  readonly card: readonly CardItem[];
  readonly texts: readonly TextItem[];
}

const INDEX: readonly IndexItem[] = [
  "UID",
  "FLAGS",
  "MODSEQ",
  "INTERNALDATE",
  "RFC822.SIZE",
  "SAVEDATE",
  "EMAILID",
  "THREADID",
];
const CARD: readonly CardItem[] = ["ENVELOPE", "BODYSTRUCTURE", "BODY", "PREVIEW"];
const WHOLE: Partial<Record<PlainItem, Section>> = {
  "RFC822": { part: [] },
  "RFC822.HEADER": { part: [], text: "HEADER" },
  "RFC822.TEXT": { part: [], text: "TEXT" },
};

/** Does it set `\Seen` (RFC 9051 6.4.5)? */
export function setsSeen(items: readonly FetchItem[]): boolean {
  return items.some((item) => {
    if (item.item === "BODY[]" || item.item === "BINARY[]") return !item.peek;
    return item.item === "RFC822" || item.item === "RFC822.TEXT";
  });
}

/** Puts items in order, each once. `withUid`: UID is answered, asked for or not. */
export function planFetch(items: readonly FetchItem[], { withUid }: { withUid: boolean }): FetchPlan {
  const names = new Set<string>(items.map(({ item }) => item));
  if (withUid) names.add("UID");
  const texts = new Map<string, TextItem>();
  for (const item of items) {
    const text = textItem(item);
    if (text) texts.set(`${text.label} ${text.partial?.count ?? ""}`, text);
  }
  return {
    index: INDEX.filter((name) => names.has(name)),
    card: CARD.filter((name) => names.has(name)),
    texts: [...texts.values()].sort((a, b) => weight(a) - weight(b)),
  };
}

function textItem(item: FetchItem): TextItem | undefined {
  switch (item.item) {
    case "BODY[]": {
      const { section, partial } = item;
      const label = `BODY[${sectionText(section)}]${origin(partial)}`;
      const names = section.fields && new Set(section.fields.map((name) => name.toLowerCase()));
      return { kind: "section", label, section, partial, names };
    }
    case "BINARY[]": {
      const { part, partial } = item;
      return { kind: "binary", label: `BINARY[${part.join(".")}]${origin(partial)}`, part, partial };
    }
    case "BINARY.SIZE":
      return { kind: "binarySize", label: `BINARY.SIZE[${item.part.join(".")}]`, part: item.part };
    default: {
      const section = WHOLE[item.item as PlainItem];
      return section && { kind: "section", label: item.item, section };
    }
  }
}

function origin(partial: OctetRange | undefined): string {
  return partial ? `<${partial.start}>` : "";
}

const ATOM = /^[!#$&'+,\-./0-9:;<=>?@A-Z[^_`a-z|}~]+$/;

function sectionText({ part, text, fields }: Section): string {
  const named = fields?.map((name) => ATOM.test(name) ? name : `"${name.replace(/["\\]/g, "\\$&")}"`);
  const words = text === undefined ? [] : [named ? `${text} (${named.join(" ")})` : text];
  return [...part, ...words].join(".");
}

/** Texts that are longer stand further behind. */
function weight(item: TextItem): number {
  if (item.kind === "binarySize") return 0;
  if (item.kind === "binary") return item.part.length === 0 ? 4 : 2;
  const { part, text } = item.section;
  if (text !== undefined && text !== "TEXT") return 1;
  return text === "TEXT" ? 3 : part.length > 0 ? 2 : 4;
}
