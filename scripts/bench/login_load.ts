/** The load of clients that log in: a new connection for each login, by SMTP AUTH or by POP3. */

/** What is to be done. */
export interface LoginLoad {
  readonly protocol: "smtp" | "pop3";
  readonly hostname: string;
  readonly port: number;
  /** So many logins, */
  readonly logins: number;
  /** so many of them at a time, */
  readonly connections: number;
  /** in turn with these names, */
  readonly users: readonly string[];
  /** and this password. */
  readonly password: string;
}

/** What became of it. */
export interface LoginResult {
  readonly ms: number;
  /** How many were let in, or found the maildrop in use. */
  readonly right: number;
  readonly p50: number;
  readonly p99: number;
}

/** Logs in so often. */
export async function logIn(load: LoginLoad): Promise<LoginResult> {
  const lasted: number[] = [];
  let right = 0;
  let begun = 0;
  const run = async () => {
    while (begun < load.logins) {
      const user = load.users[begun++ % load.users.length]!;
      const from = performance.now();
      if (await one(load, user)) right++;
      lasted.push(performance.now() - from);
    }
  };
  const from = performance.now();
  await Promise.all(Array.from({ length: load.connections }, run));
  const ms = performance.now() - from;
  lasted.sort((a, b) => a - b);
  const at = (share: number) => lasted[Math.floor(lasted.length * share)]!;
  return { ms, right, p50: at(0.5), p99: at(0.99) };
}

async function one({ protocol, hostname, port, password }: LoginLoad, user: string): Promise<boolean> {
  const lines = new Lines(await Deno.connect({ hostname, port }));
  try {
    await lines.reply();
    if (protocol === "smtp") {
      await lines.ask("EHLO client.test");
      const code = await lines.ask(`AUTH PLAIN ${btoa(`\0${user}\0${password}`)}`);
      await lines.ask("QUIT");
      return code.startsWith("235");
    }
    await lines.ask(`USER ${user}`);
    const answer = await lines.ask(`PASS ${password}`);
    await lines.ask("QUIT");
    return /^\+OK|^-ERR \[IN-USE\]/.test(answer);
  } finally {
    lines.close();
  }
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

class Lines {
  readonly #conn: Deno.TcpConn;
  readonly #buffer = new Uint8Array(4096);
  #text = "";

  constructor(conn: Deno.TcpConn) {
    this.#conn = conn;
    conn.setNoDelay(true);
  }

  async ask(line: string): Promise<string> {
    await this.#conn.write(encoder.encode(`${line}\r\n`));
    return await this.reply();
  }

  /** The last line of a reply. */
  async reply(): Promise<string> {
    for (;;) {
      const end = this.#text.indexOf("\r\n");
      if (end < 0) {
        const count = await this.#conn.read(this.#buffer);
        if (count === null) throw new Error("The server closed the connection");
        this.#text += decoder.decode(this.#buffer.subarray(0, count));
        continue;
      }
      const line = this.#text.slice(0, end);
      this.#text = this.#text.slice(end + 2);
      if (!/^\d{3}-/.test(line)) return line;
    }
  }

  close(): void {
    this.#conn.close();
  }
}
