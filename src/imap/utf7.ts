/** Modified UTF-7 (RFC 3501 5.1.3): the names of mailboxes for clients that speak IMAP4rev1. */

/** A name as IMAP4rev1 writes it. */
export function encodeUtf7(name: string): string {
  return name.replace(/[^\x20-\x7e]+|&/g, (run) => {
    if (run === "&") return "&-";
    const units = new Uint8Array(2 * run.length);
    for (let i = 0; i < run.length; i++) {
      const unit = run.charCodeAt(i);
      units[2 * i] = unit >> 8;
      units[2 * i + 1] = unit & 255;
    }
    return `&${units.toBase64({ omitPadding: true }).replaceAll("/", ",")}-`;
  });
}

/**
 * The name that modified UTF-7 stands for; undefined: it is not well formed. Characters beyond US-ASCII stand for
 * themselves, since clients send what is typed.
 */
export function decodeUtf7(text: string): string | undefined {
  let wrong = false;
  const name = text.replace(/&([^-]*)(-?)/g, (_, coded: string, end: string) => {
    if (coded === "" && end === "-") return "&";
    const run = end === "-" ? decodeRun(coded) : undefined;
    wrong ||= run === undefined;
    return run ?? "";
  });
  return wrong || !name.isWellFormed() ? undefined : name;
}

function decodeRun(coded: string): string | undefined {
  let units: Uint8Array;
  try {
    units = Uint8Array.fromBase64(coded.replaceAll(",", "/"), { lastChunkHandling: "loose" });
  } catch {
    return undefined;
  }
  if (coded.includes("/") || units.length % 2 === 1) return undefined;
  let run = "";
  for (let i = 0; i < units.length; i += 2) run += String.fromCharCode(units[i]! << 8 | units[i + 1]!);
  return run;
}

/** Is it fit for a mailbox's name as text of a session: well formed, without control characters? */
export function isPrintable(name: string): boolean {
  // deno-lint-ignore no-control-regex
  return name.isWellFormed() && !/[\x00-\x1f\x7f-\x9f\u2028\u2029]/.test(name);
}
