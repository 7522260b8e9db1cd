/** In charge of dates as mail writes them (RFC 5322 3.3). */

/** A time (ms since 1970) in UTC: `Tue, 24 Nov 2026 03:51:22 +0000`. */
export function formatDate(ms: number): string {
  return `${new Date(ms).toUTCString().slice(0, -3)}+0000`;
}
