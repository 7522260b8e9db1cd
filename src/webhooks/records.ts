/** What the store keeps of posts to webhooks. */

/** A post that waits. */
export interface PendingPost {
  /** The event's type. */
  readonly type: string;
  /** What is posted. */
  readonly body: string;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  /** How often it was tried. */
  readonly attempts: number;
  /** What the last try came to. */
  readonly lastError?: string;
}

/** A post that was given up. */
export interface DeadPost extends PendingPost {
  /** Where it goes. */
  readonly url: string;
  /** Milliseconds since 1970. */
  readonly diedAt: number;
}

/**
 * Where a webhook is, for health, which everybody may ask for, and the log: many receivers know their own by a secret in
 * its path or query.
 */
export function siteOf(url: string): string {
  return new URL(url).origin;
}
