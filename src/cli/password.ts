/** The prompt for a password: hidden on a terminal, or from stdin. */

import { decode, encode } from "../base/bytes.ts";
import { MAX_PASSWORD, passwordFault } from "../base/passwords.ts";
import { CliError, ExitCode } from "./cli_error.ts";

/** More than this is not kept: it is too long already, also with a CR behind it. */
const ENOUGH = MAX_PASSWORD + 2;
const ENTER = 13;
const LINE_FEED = 10;
const BACKSPACE = 8;
const DELETE = 127;
const CONTROL_C = 3;
const CONTROL_D = 4;
const CONTROL_U = 21;

/** Asks twice on a terminal; else takes the first line of stdin. Never one that is not fit for use. */
export async function askPassword(): Promise<string> {
  const isTerminal = Deno.stdin.isTerminal();
  const password = isTerminal ? await typed("Password: ") : await firstLine();
  const fault = passwordFault(password);
  if (fault !== undefined) throw new CliError(ExitCode.badData, fault);
  if (isTerminal && await typed("Again: ") !== password) {
    throw new CliError(ExitCode.badData, "the two passwords are not the same");
  }
  return password;
}

async function firstLine(): Promise<string> {
  const bytes: number[] = [];
  const buffer = new Uint8Array(1024);
  for (let n = await Deno.stdin.read(buffer); n !== null; n = await Deno.stdin.read(buffer)) {
    for (const byte of buffer.subarray(0, n)) {
      if (byte === LINE_FEED) return decode(Uint8Array.from(bytes)).replace(/\r$/, "");
      if (bytes.length < ENOUGH) bytes.push(byte);
    }
  }
  return decode(Uint8Array.from(bytes));
}

/** Reads a line key by key; nothing of it is shown. The prompt goes to stderr. */
async function typed(prompt: string): Promise<string> {
  Deno.stderr.writeSync(encode(prompt));
  Deno.stdin.setRaw(true);
  const bytes: number[] = [];
  try {
    const buffer = new Uint8Array(1); // byte by byte: what is typed ahead belongs to the next question
    while (await Deno.stdin.read(buffer) !== null) {
      const byte = buffer[0]!;
      if (byte === ENTER || byte === LINE_FEED || byte === CONTROL_D) break;
      if (byte === CONTROL_C) throw new CliError(ExitCode.tryAgain, "interrupted");
      if (byte === BACKSPACE || byte === DELETE) dropCharacter(bytes);
      else if (byte === CONTROL_U) bytes.length = 0;
      else if (bytes.length < ENOUGH) bytes.push(byte);
    }
  } finally {
    Deno.stdin.setRaw(false);
    Deno.stderr.writeSync(encode("\n"));
  }
  return decode(Uint8Array.from(bytes));
}

/** Drops the last character, which may be several bytes of UTF-8. */
function dropCharacter(bytes: number[]): void {
  let last = bytes.pop();
  while (last !== undefined && (last & 0xc0) === 0x80) last = bytes.pop();
}
