/** The shape of a connection for all protocols, in clear or encrypted, real or in memory. */

/** A stream of bytes to a peer. */
export interface ByteConn {
  /** Reads into `into`: how many bytes came, or null at the end. Rejects when the connection broke. */
  read(into: Uint8Array): Promise<number | null>;
  /** Writes all of it. Rejects when the connection broke. */
  write(bytes: Uint8Array): Promise<void>;
  /** Ends the connection at once; may be called again. A pending read answers null or rejects. */
  close(): void;
  /**
   * Tells the peer that nothing more will come; reading goes on. A connection that is closed with unread bytes is
   * reset, and the peer may lose our last reply; so after a refusal: this, read to the end, close.
   */
  closeWrite?(): Promise<void>;
  /** The peer's address. */
  readonly remote: { readonly hostname: string; readonly port: number };
  /** Our own address. */
  readonly local: { readonly hostname: string; readonly port: number };
  /** Present when the connection is encrypted. */
  readonly tls?: TlsFacts;
}

/** What a handshake came to. */
export interface TlsFacts {
  /** `TLSv1.2` or `TLSv1.3`. */
  readonly protocol: string;
  /** The cipher's name as the TLS library gives it. */
  readonly cipher: string;
  /** The name the client asked for, when it did. */
  readonly serverName?: string;
  /** Server side: the channel binding `tls-server-end-point` (RFC 5929 4); absent when the certificate has none. */
  readonly endPoint?: Uint8Array;
  /** Client side, where it was asked for: the peer's certificates as it sent them, DER, its own first. */
  readonly chain?: readonly Uint8Array[];
  /** Client side: why the peer's certificate is not trusted; absent when it is. */
  readonly untrusted?: string;
}
