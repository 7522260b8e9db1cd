/** The client's side of SMTP as a load generator needs it: written once, sent often, replies counted. */

const LF = 10;
const BLANK = 32;
const DASH = 45;

/** One connection that counts replies instead of reading them. */
export class LoadConn {
  readonly #conn: Deno.TcpConn;
  readonly #buffer = new Uint8Array(4096);
  #start = 0;
  #end = 0;

  private constructor(conn: Deno.TcpConn) {
    this.#conn = conn;
  }

  /** Connects. */
  static async connect(port: number): Promise<LoadConn> {
    const conn = await Deno.connect({ hostname: "127.0.0.1", port });
    conn.setNoDelay(true);
    return new LoadConn(conn);
  }

  /** Connects, hears the greeting and says EHLO. */
  static async greet(port: number): Promise<LoadConn> {
    const conn = await LoadConn.connect(port);
    await conn.replies(1);
    await conn.say(EHLO);
    return conn;
  }

  /** Connects, encrypts the connection and says goodbye; `cert` is the server's certificate. */
  static async startTls(port: number, cert: string): Promise<void> {
    const plain = await LoadConn.greet(port);
    await plain.say(STARTTLS);
    const conn = await Deno.startTls(plain.#conn, { hostname: "dinopost.test", caCerts: [cert] });
    await conn.handshake();
    await conn.write(QUIT);
    conn.close();
  }

  /** Writes all of it. */
  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) at += await this.#conn.write(bytes.subarray(at));
  }

  /** Writes, and reads one reply; answers its code. */
  async say(bytes: Uint8Array): Promise<number> {
    await this.write(bytes);
    return await this.replies(1);
  }

  /** Reads so many whole replies; answers the code of the last one. Throws at the end of the stream. */
  async replies(count: number): Promise<number> {
    let code = 0;
    while (count > 0) {
      const end = this.#buffer.subarray(this.#start, this.#end).indexOf(LF);
      if (end < 0) await this.#fill();
      else {
        const [a, b, c, mark] = this.#buffer.subarray(this.#start) as unknown as number[];
        this.#start += end + 1;
        if (mark === DASH) continue;
        if (mark !== BLANK) throw new Error("The server sent something that is no reply");
        code = (a! - 48) * 100 + (b! - 48) * 10 + c! - 48;
        count--;
      }
    }
    return code;
  }

  /** Closes. */
  close(): void {
    try {
      this.#conn.close();
    } catch {
      // the server was quicker
    }
  }

  async #fill(): Promise<void> {
    this.#buffer.copyWithin(0, this.#start, this.#end);
    this.#end -= this.#start;
    this.#start = 0;
    const count = await this.#conn.read(this.#buffer.subarray(this.#end));
    if (count === null) throw new Error("The server closed the connection");
    this.#end += count;
  }
}

const encoder = new TextEncoder();
const EHLO = encoder.encode("EHLO client.test\r\n");
const MAIL = encoder.encode("MAIL FROM:<sender@client.test>\r\n");
const DATA = encoder.encode("DATA\r\n");
const STARTTLS = encoder.encode("STARTTLS\r\n");
const QUIT = encoder.encode("QUIT\r\n");

/** What is to be sent. */
export interface Load {
  readonly port: number;
  readonly to: string;
  readonly connections: number;
  readonly messages: number;
  /** Octets of the text. */
  readonly size: number;
  /** MAIL, RCPT and DATA in one write. */
  readonly pipelined?: boolean;
  /** A connection for each message. */
  readonly anew?: boolean;
  /** No more than so many, evenly over each second: a message lasts from when it should have been begun. */
  readonly perSecond?: number;
  /** So long a connection rests after each message. */
  readonly pauseMs?: number;
  /** Small messages of HTML in place of equal ones, each with its number: to `to`, or (empty) to a hundred in turn. */
  readonly letters?: boolean;
}

/** What became of it. */
export interface LoadResult {
  /** How many messages the server answered 250. */
  readonly accepted: number;
  /** Anything else. */
  readonly refused: number;
  readonly ms: number;
  /** From MAIL (or connecting) to the last 250: milliseconds. */
  readonly p50: number;
  readonly p99: number;
}

/** Sends it all, or until it is told to end: the messages may be endless then. */
export async function sendLoad(load: Load, end?: AbortSignal): Promise<LoadResult> {
  const { pipelined = false } = load;
  const partsOf = (to: string, text: Uint8Array) => {
    const rcpt = encoder.encode(`RCPT TO:<${to}>\r\n`);
    return { rcpt, text, envelope: pipelined ? join(MAIL, rcpt, DATA) : undefined };
  };
  const equal = partsOf(load.to, textOf(load.size));
  const lasted: number[] = [];
  let left = load.messages;
  let accepted = 0;
  /** Waits for the turn of the message of that number, counted from the end; answers when that was. */
  async function turnOf(number: number): Promise<number> {
    if (!load.perSecond) return performance.now();
    const turn = from + (load.messages - 1 - number) * 1000 / load.perSecond;
    const early = turn - performance.now();
    if (early > 0) await new Promise((resolve) => void setTimeout(resolve, early));
    return turn;
  }
  async function run(): Promise<void> {
    let conn = load.anew ? undefined : await LoadConn.greet(load.port);
    while (left > 0 && !end?.aborted) {
      const number = --left;
      const named = recipientOf(number);
      const parts = load.letters ? partsOf(load.to || named, letterOf(number, named)) : equal;
      const from = await turnOf(number);
      conn ??= await LoadConn.greet(load.port);
      if (await sendOne(conn, parts)) accepted++;
      if (load.anew) {
        await conn.say(QUIT);
        conn.close();
        conn = undefined;
      }
      lasted.push(performance.now() - from);
      if (load.pauseMs) await new Promise((resolve) => void setTimeout(resolve, load.pauseMs));
    }
    await conn?.say(QUIT);
    conn?.close();
  }
  const from = performance.now();
  await Promise.all(Array.from({ length: load.connections }, run));
  const ms = performance.now() - from;
  lasted.sort((a, b) => a - b);
  const at = (part: number) => lasted[Math.floor((lasted.length - 1) * part)] ?? 0;
  return { accepted, refused: lasted.length - accepted, ms, p50: at(0.5), p99: at(0.99) };
}

async function sendOne(
  conn: LoadConn,
  parts: { rcpt: Uint8Array; text: Uint8Array; envelope: Uint8Array | undefined },
): Promise<boolean> {
  if (parts.envelope) {
    await conn.write(parts.envelope);
    await conn.replies(3);
  } else {
    await conn.say(MAIL);
    await conn.say(parts.rcpt);
    await conn.say(DATA);
  }
  return await conn.say(parts.text) === 250;
}

/** A message of that size, with its end, ready to be sent. */
function textOf(size: number): Uint8Array {
  const head = "From: <sender@client.test>\r\nSubject: A message under load\r\n" +
    "Message-ID: <1@client.test>\r\nDate: Tue, 24 Nov 2026 03:51:22 +0000\r\n\r\n";
  const line = "The quick brown fox jumps over the lazy dog, and does it again and again.\r\n";
  const rest = Math.max(0, size - head.length);
  const body = line.repeat(Math.floor(rest / line.length));
  const last = "x".repeat(Math.max(0, rest - body.length - 2));
  return encoder.encode(`${head}${body}${last}\r\n.\r\n`);
}

/** Who is named as the recipient of the letter of that number. */
export function recipientOf(number: number): string {
  return `reader${number % 100}@sink.test`;
}

/** A small message of HTML, with its end. A word in it is in all of them, another one in none else. */
function letterOf(number: number, to: string): Uint8Array {
  return encoder.encode(
    `From: Shop <shop@client.test>\r\nTo: <${to}>\r\nSubject: Order ${number} is on its way\r\n` +
      `Message-ID: <${number}@client.test>\r\nDate: Tue, 24 Nov 2026 03:51:22 +0000\r\n` +
      "MIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" +
      '<html><head><title>Your order</title></head><body style="font-family: sans-serif">\r\n' +
      `<h1>Thank you!</h1>\r\n<p>Your order <b>number${number}</b> has left our house today.</p>\r\n` +
      "<p>It will be with you in two or three days. Until then you can follow it\r\n" +
      `<a href="https://shop.client.test/orders/${number}">on its page</a>.</p>\r\n` +
      "<p>Yours sincerely,<br>the people of the shop</p>\r\n</body></html>\r\n.\r\n",
  );
}

function join(...parts: Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}
