/** The features of HTML and CSS that mail programs have or lack, and by what each is recognised. */

import TABLE from "./html_features.json" with { type: "text" };

/** A feature as the table has it. */
export interface HtmlFeature {
  readonly slug: string;
  readonly title: string;
  readonly category: string;
  readonly description: string;
  readonly tags: readonly string[];
  readonly keywords: string;
  readonly notes: Readonly<Record<string, string>>;
  /** By `family.platform`: each version and what it can, the oldest first: `2007 n #1`. */
  readonly support: Readonly<Record<string, readonly string[]>>;
}

/** What the table holds. */
export interface FeatureTable {
  readonly features: readonly HtmlFeature[];
  /** Names of families and platforms for people. */
  readonly families: Readonly<Record<string, string>>;
  readonly platforms: Readonly<Record<string, string>>;
}

let table: FeatureTable | undefined;

/** The table; it is read when it is first asked for. */
export function featureTable(): FeatureTable {
  return table ??= JSON.parse(TABLE) as FeatureTable;
}

const properties = (...names: string[]) => names.map((name) => `property:${name}`);
const elements = (...names: string[]) => names.map((name) => `element:${name}`);
const functions = (...names: string[]) => names.map((name) => `function:${name}`);
const images = (...names: string[]) => names.map((name) => `image:${name}`);

/** Features whose slug does not tell by what they are recognised. */
const OWN: Readonly<Record<string, readonly string[]>> = {
  "amp": ["attribute:amp4email", "attribute:⚡4email"],
  "bimi": [], // stands in the DNS
  "css-at-media-device-pixel-ratio": ["media:device-pixel-ratio"],
  "css-at-media-hover": ["media:hover", "media:any-hover"],
  "css-block-inline-size": properties("block-size", "inline-size"),
  "css-color-scheme": properties("color-scheme"),
  "css-comments": ["css:comment"],
  "css-display-flex": ["declaration:display:flex", "declaration:display:inline-flex"],
  "css-display-grid": ["declaration:display:grid", "declaration:display:inline-grid"],
  "css-display-none": ["declaration:display:none"],
  "css-flex-direction": ["declaration:flex-direction:column"],
  "css-flex-wrap": ["declaration:flex-wrap:wrap"],
  "css-gap": properties("gap", "column-gap", "row-gap"),
  "css-important": ["css:important"],
  "css-inert-attribute": ["attribute:inert"],
  "css-intrinsic-size": ["word:fit-content", "word:min-content", "word:max-content"],
  "css-left-right-top-bottom": properties("left", "right", "top", "bottom"),
  "css-modern-color": functions("lch", "oklch", "lab", "oklab"),
  "css-nesting": ["css:nesting"],
  "css-rgb": functions("rgb"),
  "css-rgba": functions("rgba"),
  "css-sytem-ui": ["system-ui", "ui-serif", "ui-sans-serif", "ui-rounded", "ui-monospace"].map((w) =>
    `word:${w}`
  ),
  "css-unit-calc": functions("calc"),
  "css-unit-initial": ["word:initial"],
  "css-unit-percent": ["unit:%"],
  "css-variables": ["css:variable", "function:var"],
  "html-anchor-links": ["link:#"],
  "html-button-reset": ["button:reset"],
  "html-button-submit": ["button:submit"],
  "html-comments": ["html:comment"],
  "html-doctype": ["html:doctype"],
  "html-h1-h6": elements("h1", "h2", "h3", "h4", "h5", "h6"),
  "html-image-maps": [...elements("map"), "attribute:usemap"],
  "html-lists": elements("ul", "ol", "dl"),
  "html-loading-attribute": ["attribute:loading"],
  "html-mailto-links": ["link:mailto"],
  "html-meta-color-scheme": ["meta:color-scheme"],
  "html-object": elements("object", "embed"),
  "html-semantics": elements(
    ...["article", "aside", "details", "figcaption", "figure", "footer", "header", "main", "mark", "nav"],
    ...["section", "summary", "time"],
  ),
  "html-srcset": ["attribute:srcset", "attribute:sizes"],
  "image-base64": ["image:base64"],
  "image-heif": images("heif", "heic"),
  "image-jpg": images("jpg", "jpeg"),
  "image-tiff": images("tiff", "tif"),
};
/** These name in their keywords the properties that they are about. */
const BY_KEYWORDS =
  /^css-(?:border-inline-block|border-radius-logical|column-layout|grid-template|inset|(?:margin|padding)-(?:inline|block))/;
const LONGHANDS =
  /^css-(margin|padding|border|border-image|outline|overflow|transition|animation|scroll-snap|text-emphasis)$/;

/** The names by which a feature is recognised: see `css_reader.ts` and `html_check.ts`. */
export function marksOf(feature: HtmlFeature): readonly string[] {
  const { slug, title, keywords } = feature;
  const own = OWN[slug];
  if (own) return own;
  if (BY_KEYWORDS.test(slug)) return properties(...keywords.split(",").map((word) => word.trim()));
  const [, kind = "", name = ""] =
    /^(css-at-media|css-at|css-pseudo-class|css-pseudo-element|css-selector|css-unit|css-function|css|html-input|html|image)-(.*)$/
      .exec(slug) ?? [];
  switch (kind) {
    case "css-at-media":
      return [`media:${name}`];
    case "css-at":
      return [`at:${name}`];
    case "css-pseudo-class":
    case "css-pseudo-element":
      return [`pseudo:${name}`];
    case "css-selector":
      return [`selector:${name}`];
    case "css-unit":
      return [`unit:${name}`];
    case "css-function":
      return functions(name);
    case "css":
      if (title.endsWith("()")) return functions(name);
      return LONGHANDS.test(slug) ? [`property:${name}`, `longhand:${name}`] : [`property:${name}`];
    case "html-input":
      return [`input:${name}`];
    case "html":
      return [title.endsWith(" attribute") ? `attribute:${name}` : `element:${name}`];
    case "image":
      return images(name);
    default:
      return [];
  }
}
