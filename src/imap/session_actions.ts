/** What the files of commands ask of the session. */

import type { ByteConn } from "../wire/byte_conn.ts";
import type { CommandOf } from "./message_commands.ts";
import type { Notifier } from "./notify.ts";

/** The commands that log in, or come before that. */
export interface LoginActions {
  login(command: CommandOf<"LOGIN">): Promise<void>;
  authenticate(command: CommandOf<"AUTHENTICATE">): Promise<void>;
  startTls(command: CommandOf<"STARTTLS">): Promise<void>;
}

/** What commands ask of the session's connection. */
export interface SessionActions {
  readonly isSecure: boolean;
  /** Passwords are taken on this connection. */
  readonly mayLogIn: boolean;
  readonly canStartTls: boolean;
  /** What TLS can be bound to. */
  readonly endPoint: Uint8Array | undefined;
  readonly logins: LoginActions;
  readonly notifier: Notifier;
  /** The list, as it is now. */
  capabilities(): string;
  /** Somebody has logged in. */
  loggedIn(): void;
  /** A login has failed; `refused`: there were too many. */
  failedLogin(refused: boolean): void;
  /** The session ends when this command is answered. */
  logOut(): void;
  /** Tells what is new until DONE comes. */
  idle(command: CommandOf<"IDLE">): void;
  /** The next line, which is no command; undefined when it is too long or none comes. */
  line(max: number): Promise<Uint8Array | undefined>;
  /** Sends what was put, and goes on encrypted; false when the handshake failed. */
  startTls(): Promise<boolean>;
  /** Sends what was put, and goes on over another connection. */
  replaceConn(make: (conn: ByteConn) => ByteConn): Promise<void>;
}
