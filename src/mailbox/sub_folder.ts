/** Folders named by sub-addresses: `brain+news@example.org` is for the folder "news" of `brain@example.org`. */

import type { Accounts } from "../auth/accounts.ts";
import { localKey, localText, quoteLocal, splitMailbox } from "../mail/address.ts";
import type { Mailbox } from "../mail/envelope.ts";

/** Tells the detail of recipients whose account wants its mail in folders by that. */
export function wantedDetails(
  accounts: Pick<Accounts, "get">,
  separator: string,
): (recipient: Mailbox, address: string) => string | undefined {
  return (recipient, address) =>
    accounts.get(address)?.subFolders ? detailOf(recipient, address, separator) : undefined;
}

/** The detail of a recipient whose mailbox is `address` (a local key); undefined: it is another name's, or has none. */
export function detailOf(recipient: Mailbox, address: Mailbox, separator: string): string | undefined {
  const { local, domain } = splitMailbox(recipient);
  const text = localText(local);
  const cut = separator === "" ? -1 : text.indexOf(separator);
  const detail = text.slice(cut + separator.length);
  if (cut <= 0 || detail === "") return undefined;
  const base = text.slice(0, cut);
  return localKey(`${local === text ? base : quoteLocal(base)}@${domain}`) === address ? detail : undefined;
}

/** The name among these that a detail means: exactly it, else the one that differs in small and capital letters alone. */
export function meantFolder(detail: string, names: Iterable<string>): string | undefined {
  const folded = detail.toLowerCase();
  const alike: string[] = [];
  for (const name of names) {
    if (name === detail) return name;
    if (name.toLowerCase() === folded) alike.push(name);
  }
  return alike.length === 1 ? alike[0] : undefined;
}
