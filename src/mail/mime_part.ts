/** Parts of MIME as a conversion sees them: what a header section says of its content, and how that may be encoded. */

/** What a part is by its header section. */
export interface Part {
  readonly kind: "leaf" | "multipart" | "message";
  /** How its content would be encoded; undefined: it must not be. */
  readonly encoding: "quoted-printable" | "base64" | undefined;
  /** How its content is encoded already, where its lines may be cut all the same. */
  readonly encoded: "quoted-printable" | "base64" | undefined;
  readonly boundary: string;
  /** Nothing in it may change: a signature would break. */
  readonly sealed: boolean;
  /** A part in it that doesn't say its type is a message (RFC 2046 5.1.5). */
  readonly digest?: true;
}

/** The value of the first field of that name, unfolded. */
export function valueOf(fields: readonly string[], name: string): string | undefined {
  const field = fields.find((f) => nameOf(f) === name);
  return field?.slice(field.indexOf(":") + 1).replace(/\r\n/g, "").trim();
}

/** The name of a field in lower case. */
export function nameOf(field: string): string {
  return field.slice(0, Math.max(0, field.indexOf(":"))).trimEnd().toLowerCase();
}

const BOUNDARY = /;\s*boundary\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]+))/i;

const GLOBAL = /^global(-headers|-delivery-status|-disposition-notification)?$/;

/** The part that a header section begins; `sealed`: a signature holds all of it. */
export function partOf(
  fields: readonly string[],
  { outer, sealed = outer?.sealed ?? false }: { outer: Part | undefined; sealed?: boolean | undefined },
): Part {
  const type = valueOf(fields, "content-type") ?? (outer?.digest ? "message/rfc822" : "text/plain");
  const now = (valueOf(fields, "content-transfer-encoding") ?? "7bit").toLowerCase();
  const [, major = "text", minor = "plain"] = /^([a-z0-9-]+)\/([a-z0-9.+-]+)/i.exec(type.toLowerCase()) ?? [];
  const [, quoted, plain] = BOUNDARY.exec(type) ?? [];
  const boundary = quoted?.replace(/\\(.)/g, "$1") ?? plain ?? "";
  if (major === "multipart" && boundary !== "") {
    const isSealed = sealed || minor === "signed" || minor === "encrypted";
    const digest = minor === "digest" && { digest: true as const };
    return {
      kind: "multipart",
      encoding: undefined,
      encoded: undefined,
      boundary,
      sealed: isSealed,
      ...digest,
    };
  }
  if (major === "message" && minor === "rfc822") {
    return { kind: "message", encoding: undefined, encoded: undefined, boundary: "", sealed };
  }
  // of messages and their parts only the kinds for UTF-8 may be encoded (RFC 6532 3.7, RFC 6533 6)
  const isGlobal = major === "message" && GLOBAL.test(minor);
  const isLeaf = isGlobal || (major !== "message" && major !== "multipart");
  const mayChange = isLeaf && /^(7bit|8bit|binary)$/.test(now);
  const encoding = !mayChange ? undefined : major === "text" || isGlobal ? "quoted-printable" : "base64";
  const encoded = isLeaf && (now === "base64" || now === "quoted-printable") ? now : undefined;
  return { kind: "leaf", encoding, encoded, boundary: "", sealed };
}

/**
 * The fields with that transfer encoding; undefined: as they are. `isWhole`: they are a message's, not a part's.
 * `charset`: of a text that says nothing of its characters (RFC 1428 3).
 */
export function headerWith(
  fields: readonly string[],
  encoding: string | undefined,
  { isWhole, charset }: { isWhole: boolean; charset: string },
): readonly string[] {
  const given = valueOf(fields, "content-transfer-encoding");
  // of containers only a wrong word is replaced: they have no encoding of their own
  if (encoding === undefined || (encoding === "7bit" && (given ?? encoding).toLowerCase() === "7bit")) {
    return fields;
  }
  const others = fields.filter((f) => nameOf(f) !== "content-transfer-encoding");
  const added = [`Content-Transfer-Encoding: ${encoding}\r\n`];
  if (isWhole && !valueOf(fields, "content-type")) {
    added.unshift(`Content-Type: text/plain; charset=${charset}\r\n`);
  }
  if (isWhole && valueOf(fields, "mime-version") === undefined) added.unshift("MIME-Version: 1.0\r\n");
  return [...others, ...added];
}

/** The charset that a part's type names. */
export function charsetOf(fields: readonly string[]): string | undefined {
  const [, quoted, plain] =
    /;\s*charset\s*=\s*(?:"([^"]*)"|([^\s;"]+))/i.exec(valueOf(fields, "content-type") ?? "") ?? [];
  return quoted ?? plain;
}
