/** Letters for mailboxes that are measured: 4 KiB unless told otherwise, every second of two parts. */

const encoder = new TextEncoder();

/** The letter of that number. The word `xylophone` stands in the body of every hundredth. */
export function letterOf(n: number, size = 4096): Uint8Array<ArrayBuffer> {
  const two = n % 2 === 1;
  const head = `Return-Path: <sender${n % 50}@far.test>\r\nReceived: from mx.far.test by local.test; ` +
    `Mon, 5 Jan 2026 09:00:00 +0000\r\nFrom: "Sender ${n % 50}" <sender${n % 50}@far.test>\r\n` +
    `To: "Reader" <reader@local.test>, other@local.test\r\nCc: third@local.test\r\nSubject: Letter ${n} of many\r\n` +
    `Date: Mon, 5 Jan 2026 09:00:00 +0000\r\nMessage-ID: <${n}.bench@far.test>\r\n` +
    `References: <${n - 1}.bench@far.test>\r\nMIME-Version: 1.0\r\n`;
  const text = `${n % 100 === 0 ? "A xylophone" : "A letter"} with the number ${n}.\r\n`;
  const [before, after] = two
    ? [
      `${head}Content-Type: multipart/alternative; boundary="=_b"\r\n\r\n--=_b\r\nContent-Type: text/plain; ` +
      `charset=utf-8\r\n\r\n${text}--=_b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n`,
      "--=_b--\r\n",
    ]
    : [`${head}Content-Type: text/plain; charset=utf-8\r\n\r\n${text}`, ""];
  const line = "Words fill this line, as they do in letters that people write to each other.\r\n";
  const room = Math.max(0, size - before.length - after.length);
  return encoder.encode(
    before + line.repeat(Math.ceil(room / line.length)).slice(0, Math.max(0, room - 2)) + "\r\n" + after,
  );
}
