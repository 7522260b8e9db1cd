/** The refusal of a backup, apart from what makes them: whoever asks for one need not load that. */

/** Why there can be no backup now: one is being made, or the disk has no room for it. */
export class BackupRefused extends Error {
  /** The class, as it is shown in front of the message. */
  override readonly name = "BackupRefused";

  /** `message` is a sentence for people. */
  constructor(readonly kind: "busy" | "room", message: string) {
    super(message);
  }
}
