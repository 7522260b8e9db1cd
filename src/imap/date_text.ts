/** Dates as IMAP writes them: `date-time` (RFC 9051 9). */

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAY_S = 86_400;

let lastDay = NaN;
let lastText = "";

/** In quotes and in UTC: `" 1-Feb-2026 06:35:08 +0000"`. That of a day is made once: messages come in order. */
export function dateTimeText(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const day = Math.floor(seconds / DAY_S);
  if (day !== lastDay) {
    const date = new Date(day * DAY_S * 1000);
    const number = String(date.getUTCDate()).padStart(2, " ");
    lastText = `"${number}-${MONTHS[date.getUTCMonth()]}-${String(date.getUTCFullYear()).padStart(4, "0")} `;
    lastDay = day;
  }
  const rest = seconds - day * DAY_S;
  return `${lastText}${two(rest / 3600)}:${two(rest % 3600 / 60)}:${two(rest % 60)} +0000"`;
}

function two(value: number): string {
  const whole = Math.floor(value);
  return whole < 10 ? `0${whole}` : `${whole}`;
}
