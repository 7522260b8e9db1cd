/** The lists of CAPA (RFC 2449) and LANG (RFC 6856 3). */

/** What the list depends on. */
export interface CapabilityFacts {
  /** STLS would work now. */
  readonly canStartTls: boolean;
  /** Passwords are taken on this connection. */
  readonly canLogIn: boolean;
  /** The SASL mechanisms that are offered. */
  readonly mechanisms: readonly string[];
}

/** The capabilities, a line each; the same before and after the login (RFC 2449 5). */
export function capabilities({ canStartTls, canLogIn, mechanisms }: CapabilityFacts): string[] {
  return [
    "TOP",
    "UIDL",
    "RESP-CODES",
    "AUTH-RESP-CODE",
    "PIPELINING",
    "EXPIRE NEVER",
    ...(canStartTls ? ["STLS"] : []),
    ...(canLogIn ? ["USER", `SASL ${mechanisms.join(" ")}`] : []),
    "UTF8 USER",
    "LANG",
    "IMPLEMENTATION dinopost",
  ];
}

const LANGUAGES: ReadonlyMap<string, string> = new Map([["en", "English"], ["i-default", "English"]]);

/** The languages of our texts: tag and name. */
export function languages(): string[] {
  return [...LANGUAGES].map(([tag, name]) => `${tag} ${name}`);
}

/** The tag of ours that a client's wish comes to; `*` is our choice (RFC 6856 3.2). Undefined: none. */
export function language(wish: string): string | undefined {
  const tag = wish.toLowerCase();
  if (tag === "*") return "en";
  if (LANGUAGES.has(tag)) return tag;
  return tag.startsWith("en-") ? "en" : undefined;
}
