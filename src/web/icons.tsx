/** @jsxImportSource hono/jsx */
/** The icons: the sign of dinopost, and one for each section. */

import type { Section } from "./context.ts";

/** A long neck that looks over the edge of an envelope. */
const DINO =
  "M6 14.5h20a2 2 0 0 1 2 2V26a2 2 0 0 1-2 2H6a2 2 0 0 1-2-2v-9.5a2 2 0 0 1 2-2zM4.6 15.5 16 23l11.4-7.5" +
  "M19.5 14.5c0-3.5-.6-5.5-2-7.200-1-1.3-2.6-2-4.3-1.800-1.7.2-3 1.200-3.4 2.3-.2.6.2 1.100.8 1.100h3.200c1 .8 1.3 2.6 1.3 5.6";

const PATHS: Record<Section, string> = {
  captured: "M2 9.5h3.500l1 2h3l1-2H14M2 9.500 4 3h8l2 6.500v4H2z",
  overview: "M2.5 8.5h3v5h-3zM6.5 2.5h3v11h-3zM10.5 5.5h3v8h-3z",
  queue: "M2.5 4h11M2.5 8h11M2.5 12h7",
  mailboxes: "M2 3.5h12v9H2zM2 4l6 4.5L14 4",
  accounts:
    "M8 8a2.7 2.7 0 1 0 0-5.4A2.7 2.7 0 0 0 8 8zM2.800 13.5c.6-2.6 2.6-3.900 5.200-3.900s4.6 1.3 5.200 3.900",
  aliases: "M2.5 8h4c3 0 2-4 7-4M6.5 8c3 0 2 4 7 4M11.5 2l2 2-2 2M11.5 10l2 2-2 2",
  webhooks: "M8 3.500v4l-4 6M8 7.500l4 6M8 4.500a1.500 1.500 0 1 0 0-3 1.500 1.500 0 0 0 0 3M4 13h8",
  deliverability:
    "M8 1.5 2.5 3.500v4c0 3.500 2.500 6 5.500 7 3-1 5.500-3.500 5.500-7v-4zM5.500 8l2 2 3.500-4",
  events: "M1.5 8.5h3l2-5 3 9 2-4h3",
};

/** The icon of a section. */
export function Icon({ of }: { of: Section }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" aria-hidden="true">
      <path d={PATHS[of]} />
    </svg>
  );
}

/** The sign of dinopost. */
export function Sign() {
  return (
    <svg class="sign" viewBox="0 0 32 32" aria-hidden="true">
      <path d={DINO} />
      <circle cx="13.3" cy="7.4" r=".7" />
    </svg>
  );
}

/** The sign as a file of its own, for the browser's tab. */
export const ICON_FILE = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">` +
  `<rect width="32" height="32" rx="7" fill="#1f6f54"/>` +
  `<path d="${DINO}" fill="none" stroke="#fff" stroke-width="2" stroke-linejoin="round" stroke-linecap="round"/></svg>`;
