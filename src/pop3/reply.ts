/** The one-line replies of POP3 (RFC 1939 3) and their response codes (RFC 2449 8, RFC 3206, RFC 6856). */

/** What a client can tell from an error without reading its text. */
export type ResponseCode = "AUTH" | "IN-USE" | "SYS/TEMP" | "SYS/PERM" | "UTF8";

/** A yes, with CRLF. */
export function ok(text = ""): string {
  return text === "" ? "+OK\r\n" : `+OK ${text}\r\n`;
}

/** A no, with CRLF. */
export function err(text: string, code?: ResponseCode): string {
  return code === undefined ? `-ERR ${text}\r\n` : `-ERR [${code}] ${text}\r\n`;
}

/** A wrong name or password; the same words for both. */
export const WRONG_CREDENTIALS: string = err("Wrong name or password", "AUTH");
/** A password in clear over a network. */
export const TLS_FIRST: string = err("Passwords are only taken over TLS: send STLS first", "AUTH");
/** Too many guesses. */
export const TOO_MANY_LOGINS: string = err("Too many failed logins: try again in 15 minutes", "AUTH");
/** Another session has the maildrop. */
export const IN_USE: string = err("The maildrop is open in another session", "IN-USE");
/** The store fails. */
export const STORAGE_ERROR: string = err("The mail store can't be read at the moment", "SYS/TEMP");
/** No room for another connection. */
export const TOO_MANY_CONNECTIONS: string = err("Too many connections, try again later", "SYS/TEMP");
/** No room for another connection of that client. */
export const TOO_MANY_OF_ADDRESS: string = err(
  "Too many connections from your address, try again later",
  "SYS/TEMP",
);
/** The server is going down. */
export const SHUTTING_DOWN: string = err("The server is shutting down; nothing was deleted", "SYS/TEMP");
/** Another session may have the maildrop by now. */
export const LOCK_LOST = err("The lock on the maildrop was lost; nothing was deleted", "SYS/TEMP");
/** To a session whose account is no more. */
export const ACCOUNT_GONE = err("The account was removed", "SYS/PERM");
