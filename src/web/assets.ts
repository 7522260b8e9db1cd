/** The page's own files: style, script and icon, served from memory under names that change with them. */

import { Hono } from "hono";
import { encode } from "../base/bytes.ts";
import KEYS from "./assets/keys.js" with { type: "text" };
import LIVE from "./assets/live.js" with { type: "text" };
import STYLE from "./assets/page.css" with { type: "text" };
import STYLE_OF_PARTS from "./assets/parts.css" with { type: "text" };
import type { PageEnv } from "./context.ts";
import { relative } from "./format.ts";
import { ICON_FILE } from "./icons.tsx";

/** The files. */
export type AssetName = "page.css" | "page.js" | "icon.svg";

interface Asset {
  readonly type: string;
  readonly text: string;
  readonly version: string;
}

const FOREVER = "public, max-age=31536000, immutable";

const assets: Readonly<Record<AssetName, Asset>> = {
  "page.css": asset("text/css; charset=utf-8", STYLE + STYLE_OF_PARTS),
  "page.js": asset("text/javascript; charset=utf-8", `const relative = ${relative};\n${LIVE}${KEYS}`),
  "icon.svg": asset("image/svg+xml", ICON_FILE),
};

function asset(type: string, text: string): Asset {
  return { type, text, version: fingerprint(text) };
}

/** FNV-1a: distinguishes versions, and guards nothing. */
function fingerprint(text: string): string {
  let hash = 0x811c9dc5;
  for (const byte of encode(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash.toString(36);
}

/** Where a file is; it may be kept for ever. */
export function assetUrl(name: AssetName): string {
  return `/assets/${name}?v=${assets[name].version}`;
}

/** Serves the files, to anybody. */
export function assetPages(): Hono<PageEnv> {
  const app = new Hono<PageEnv>();
  for (const [name, { type, text }] of Object.entries(assets)) {
    const bytes = encode(text);
    app.get(`/assets/${name}`, (c) => c.body(bytes, 200, { "content-type": type, "cache-control": FOREVER }));
  }
  return app;
}
