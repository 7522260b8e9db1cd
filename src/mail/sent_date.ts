/** The Date field of a message (RFC 5322 3.3, 4.3), as far as it can be read. */

/** When a message was sent. */
export interface SentDate {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** The day as it was written, whatever the zone: days since 1970-01-01. */
  readonly day: number;
}

const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DATE =
  /^(?:[a-z]{1,12}\.?,?\s*)?(\d{1,2})[\s-]+([a-z]{3})[a-z]{0,6}\.?,?[\s-]+(\d{2,4})(?:,?\s+(\d{1,2})[:.](\d{1,2})(?:[:.](\d{1,2}))?(?:\.\d+)?\s*(.*))?$/i;
/** `Nov 30 06:35:08 2026`, as C writes it. */
const C_DATE =
  /^(?:[a-z]{3,9},?\s+)?([a-z]{3})[a-z]{0,6}\s+(\d{1,2}),?\s+(\d{1,2}):(\d\d)(?::(\d\d))?\s+(?:(\S+)\s+)?(\d{4})$/i;
const ISO = /^(\d{4})-(\d\d)-(\d\d)[t ](\d\d):(\d\d)(?::(\d\d))?(?:\.\d+)?\s*(.*)$/i;
/** Hours from UTC (RFC 5322 4.3); other names, and letters, say nothing. */
const ZONES = new Map(
  Object.entries({ edt: -4, est: -5, cdt: -5, cst: -6, mdt: -6, mst: -7, pdt: -7, pst: -8 }),
);
const DAY_MS = 86_400_000;

/** Reads a Date field's value; undefined: it is no date. */
export function parseSentDate(value: string): SentDate | undefined {
  const text = value.slice(0, 200).replace(/\([^()]*\)/g, " ").trim();
  const usual = DATE.exec(text);
  if (usual) {
    const [, day, month, year, hour = "0", minute = "0", second = "0", zone = ""] = usual;
    return made({ day, month: monthOf(month!), year: fullYear(year!), hour, minute, second, zone });
  }
  const c = C_DATE.exec(text);
  if (c) {
    const [, month, day, hour, minute, second = "0", zone = "", year] = c;
    return made({ day, month: monthOf(month!), year: Number(year), hour, minute, second, zone });
  }
  const iso = ISO.exec(text);
  if (!iso) return undefined;
  const [, year, month, day, hour, minute, second = "0", zone = ""] = iso;
  return made({ day, month: Number(month) - 1, year: Number(year), hour, minute, second, zone });
}

interface Written {
  readonly day: string | undefined;
  readonly month: number;
  readonly year: number;
  readonly hour: string | undefined;
  readonly minute: string | undefined;
  readonly second: string | undefined;
  readonly zone: string;
}

function made({ month, year, zone, ...rest }: Written): SentDate | undefined {
  const [day, hour, minute, second] = [rest.day, rest.hour, rest.minute, rest.second].map(Number) as [
    number,
    number,
    number,
    number,
  ];
  if (month < 0 || month > 11 || day < 1 || day > 31 || hour > 24 || minute > 59 || second > 60) {
    return undefined;
  }
  const midnight = new Date(0).setUTCFullYear(year, month, day);
  // 31 June would be taken for a day in July
  if (new Date(midnight).getUTCDate() !== day) return undefined;
  return {
    at: midnight + ((hour * 60 + minute) * 60 + second) * 1000 - zoneMinutes(zone) * 60_000,
    day: midnight / DAY_MS,
  };
}

function monthOf(name: string): number {
  return MONTHS.indexOf(name.toLowerCase());
}

/** RFC 5322 4.3: years of two digits up to 49 are of this century, those of three digits counted from 1900. */
function fullYear(year: string): number {
  const number = Number(year);
  return year.length > 3 ? number : year.length === 3 || number > 49 ? 1900 + number : 2000 + number;
}

function zoneMinutes(zone: string): number {
  const [, sign, hours, minutes] = /^(?:gmt|utc?)?\s*([+-])(\d\d?):?(\d\d)?\b/i.exec(zone) ?? [];
  if (sign !== undefined) return (sign === "-" ? -1 : 1) * (Number(hours) * 60 + Number(minutes ?? 0));
  return (ZONES.get(/^[a-z]*/i.exec(zone)![0].toLowerCase()) ?? 0) * 60;
}
