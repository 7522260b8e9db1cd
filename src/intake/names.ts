/** The answers to VRFY and EXPN (RFC 5321 3.5). */

import { parseLocal, parseMailbox, parsePath, splitMailbox } from "../mail/address.ts";
import type { Mailbox } from "../mail/envelope.ts";
import type { Account, Accounts } from "../auth/accounts.ts";
import type { Router } from "../recipients/router.ts";
import { type Reply, reply } from "../smtp/protocol/reply.ts";

/** What names are looked up in. */
export interface NameOptions {
  readonly router: Router;
  readonly accounts: Accounts;
}

const REMOTE = reply(252, "2.5.2", "Not verified: not one of this server's domains; try to deliver");

/** VRFY: the mailbox that a name stands for; a list or alias is not expanded. */
export async function verifyName(text: string, options: NameOptions): Promise<Reply> {
  const found = await candidates(text, options);
  if (found === "remote") return REMOTE;
  if (found.length === 0) return unknown(text);
  if (found.length > 1) {
    const lines = await Promise.all(found.map((address) => named(address, options)));
    return reply(553, "5.1.4", "Ambiguous; one of:", ...lines);
  }
  return reply(250, "2.1.5", await named(found[0]!, options));
}

/** EXPN: everybody a list stands for, each once. */
export function expandName(text: string, options: NameOptions): Reply {
  const address = parse(text);
  const { router } = options;
  const names = address === undefined
    ? []
    : splitMailbox(address).domain === ""
    ? router.domains.map((domain) => `${address}@${domain}`)
    : [address];
  for (const name of names) {
    const found = router.resolve(name);
    if (found.kind === "remote") return REMOTE;
    if (found.kind === "local" && found.list) {
      return reply(
        250,
        "2.1.5",
        ...found.recipients.filter((r) => r.kind !== "nobody").map((r) => `<${r.address}>`),
      );
    }
  }
  return reply(550, "5.1.1", `${clip(text)}: no list of that name here`);
}

/** The local addresses that a name may mean: an address, a local part, a full name. */
async function candidates(text: string, { router, accounts }: NameOptions): Promise<Mailbox[] | "remote"> {
  const address = parse(text);
  const ours = (name: Mailbox): boolean => router.resolve(name).kind === "local";
  if (address !== undefined && splitMailbox(address).domain !== "") {
    if (router.resolve(address).kind === "remote") return "remote";
    return ours(address) ? [address] : [];
  }
  if (address !== undefined) {
    const named = router.domains.map((domain) => `${address}@${domain}`).filter(ours);
    if (named.length > 0) return named.slice(0, address.toLowerCase() === "postmaster" ? 1 : 20);
  }
  const wanted = text.trim().toLowerCase();
  const all: Account[] = wanted === "" ? [] : await accounts.list();
  return all.filter((a) => a.name?.toLowerCase() === wanted).map((a) => a.address).slice(0, 20);
}

/** `<user@domain>`, `user@domain`, `<user>` or `user`. */
function parse(text: string): Mailbox | undefined {
  const trimmed = text.trim();
  const path = trimmed.startsWith("<") ? parsePath(trimmed, "forward") : undefined;
  if (path?.ok && path.rest === "") return path.mailbox;
  const bare = trimmed.replace(/^<(.*)>$/, "$1");
  return parseMailbox(bare) ?? parseLocal(bare);
}

async function named(address: Mailbox, { accounts }: NameOptions): Promise<string> {
  const account = await accounts.get(address);
  const shown = account?.address ?? address;
  return account?.name === undefined ? `<${shown}>` : `${account.name} <${shown}>`;
}

function unknown(text: string): Reply {
  return reply(550, "5.1.1", `${clip(text)}: no such user here`);
}

/** What is repeated of a name: a reply's line has 512 octets at most (RFC 5321 4.5.3.1.5). */
function clip(text: string): string {
  const characters = [...text];
  return characters.length <= 100 ? text : `${characters.slice(0, 99).join("")}…`;
}
