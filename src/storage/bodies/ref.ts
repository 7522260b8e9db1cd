/** In charge of how a record names the body it belongs to. */

/** Names a stored text: the message's bytes from its first header field on, CRLF line ends, not dot-stuffed. */
export interface BodyRef {
  /** The body's id. */
  readonly id: string;
  /** Its size in bytes. */
  readonly size: number;
  /** How many chunks it has. */
  readonly chunks: number;
  /**
   * False: the record that holds this ref is the only owner, and who deletes that record deletes the body.
   * True: the owners are counted under the body's `refs` key.
   */
  readonly shared: boolean;
}
