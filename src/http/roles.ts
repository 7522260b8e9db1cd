/** The roles of those who use API and page: who may change what. */

/** Somebody who has a token. */
export interface AdminUser {
  /** As the configuration calls them; `admin` has the admin token. */
  readonly name: string;
  /** What they may do. */
  readonly role: Role;
}

/** `admin` may do everything; `operator` all but change accounts, aliases and webhooks and make backups, which hold all secrets; `read-only` changes nothing. */
export type Role = "admin" | "operator" | "read-only";

/** The name that `admin.token` has. */
export const ADMIN = "admin";

const SAFE_METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);
/** What an operator only reads, by the first word of a path. */
const ADMINS: ReadonlySet<string> = new Set(["accounts", "aliases", "webhooks", "backup"]);
/** Logging out changes nothing of the server's. */
const OWN: ReadonlySet<string> = new Set(["session", "logout", "login"]);

/** May somebody of that role do this? `path` is the page's, or the API's with `/api/v1` before it. */
export function mayCall(role: Role, method: string, path: string): boolean {
  if (role === "admin" || SAFE_METHODS.has(method)) return true;
  const [first = ""] = pathWithin(path);
  if (OWN.has(first)) return true;
  return role === "operator" && !ADMINS.has(first);
}

/** Is a message read by who asks for it? Who may only read changes nothing; undefined: nobody has roles there. */
export function marksRead(method: string, user: Pick<AdminUser, "role"> | undefined): boolean {
  return method === "GET" && user?.role !== "read-only";
}

/** Does the method change something? */
export function changes(method: string): boolean {
  return !SAFE_METHODS.has(method);
}

/** The words of a path, decoded, without `/api/v1`, or the other versions that dialects have. */
export function pathWithin(path: string): string[] {
  const words = path.split("/").filter((word) => word !== "").map(decoded);
  return words[0] === "api" && /^v\d$/.test(words[1] ?? "") ? words.slice(2) : words;
}

function decoded(word: string): string {
  try {
    return decodeURIComponent(word);
  } catch {
    return word;
  }
}
