/** What CAPABILITY lists, and what ENABLE turns on (RFC 9051 6.1.1, RFC 5161). */

/** What the list depends on. */
export interface CapabilityFacts {
  /** STARTTLS would work now. */
  readonly canStartTls: boolean;
  /** Passwords are taken on this connection. */
  readonly canLogIn: boolean;
  /** Somebody has logged in. */
  readonly loggedIn: boolean;
  /** Answers are not compressed yet, and may be. */
  readonly canCompress: boolean;
  /** The SASL mechanisms that are offered. */
  readonly mechanisms: readonly string[];
  /** The largest message. */
  readonly messageSize: number;
}

/**
 * The same before and after the login, but for how to log in: there are programs that never ask again. Both revisions
 * side by side: most find nothing where only one of them stands.
 */
const ALWAYS: readonly string[] = [
  "IMAP4rev1",
  "IMAP4rev2",
  "LITERAL+",
  "SASL-IR",
  "ID",
  "ENABLE",
  "IDLE",
  "NAMESPACE",
  "UNSELECT",
  "UIDPLUS",
  "MOVE",
  "MULTIAPPEND",
  "ESEARCH",
  "SEARCHRES",
  "WITHIN",
  "SORT",
  "SORT=DISPLAY",
  "ESORT",
  "THREAD=ORDEREDSUBJECT",
  "THREAD=REFERENCES",
  "THREAD=REFS",
  "PARTIAL",
  "LIST-EXTENDED",
  "LIST-STATUS",
  "CHILDREN",
  "SPECIAL-USE",
  "CREATE-SPECIAL-USE",
  "STATUS=SIZE",
  "CONDSTORE",
  "QRESYNC",
  "UIDONLY",
  "BINARY",
  "UTF8=ACCEPT",
  "OBJECTID",
  "PREVIEW",
  "SAVEDATE",
  "NOTIFY",
  "INPROGRESS",
  "QUOTA",
  "QUOTA=RES-STORAGE",
];

/** The list. */
export function capabilities(facts: CapabilityFacts): string {
  const { canStartTls, canLogIn, loggedIn, canCompress, mechanisms, messageSize } = facts;
  const words = [...ALWAYS, `APPENDLIMIT=${messageSize}`];
  if (canCompress) words.push("COMPRESS=DEFLATE");
  if (canStartTls) words.push("STARTTLS");
  if (!loggedIn) words.push(...(canLogIn ? mechanisms.map((name) => `AUTH=${name}`) : ["LOGINDISABLED"]));
  return words.join(" ");
}

/** What ENABLE can turn on. */
export type Extension = "CONDSTORE" | "QRESYNC" | "IMAP4REV2" | "UTF8=ACCEPT" | "UIDONLY";

const EXTENSIONS: ReadonlySet<string> = new Set<Extension>([
  "CONDSTORE",
  "QRESYNC",
  "IMAP4REV2",
  "UTF8=ACCEPT",
  "UIDONLY",
]);

/** Is it one of these (in upper case)? */
export function isExtension(name: string): name is Extension {
  return EXTENSIONS.has(name);
}
