/** The end of commands: exit codes, and errors in one line. */

/** Exit codes after sysexits(3). */
export const ExitCode = {
  /** All went well. */
  ok: 0,
  /** The command line is wrong. */
  usage: 64,
  /** What was given to work on is wrong, or is not there. */
  badData: 65,
  /** An account, a mailbox or a recipient is unknown. */
  noUser: 67,
  /** A server or a feature that is needed is not there. */
  unavailable: 69,
  /** An error in dinopost itself. */
  software: 70,
  /** It may go well later. */
  tryAgain: 75,
  /** The configuration is wrong. */
  badConfig: 78,
} as const;

/** An end that was foreseen: one line for people and an exit code. */
export class CliError extends Error {
  override readonly name = "CliError";

  /** `code` is one of {@linkcode ExitCode}. */
  constructor(readonly code: number, message: string) {
    super(message);
  }
}
