/** @jsxImportSource hono/jsx */
/** The view of one mailbox: its folders, what is in one of them, and what can be done with that. */

import type { FolderView } from "../api/mail_folders.ts";
import type { FoundMail, MailPage } from "../api/mail_search.ts";
import { mayCall } from "../http/roles.ts";
import type { Mailbox } from "../mail/envelope.ts";
import { FLAGGED } from "../mailbox/flags.ts";
import { INBOX } from "../mailbox/folder_names.ts";
import type { PageContext, View } from "./context.ts";
import { ChangeFolder, FolderNav, folderPath } from "./folder_nav.tsx";
import { count, number, size } from "./format.ts";
import { pathTo } from "./forms.ts";
import { Head } from "./layout.tsx";
import { trashOf } from "./mail_actions.ts";
import { MailTable } from "./mail_table.tsx";
import { ActionForm, Empty, Time } from "./parts.tsx";

/** More of a query is cut off. */
const MAX_QUERY = 1000;

/** Which folder a request is about: undefined for all. Without a name a search is of all mail, a list of INBOX. */
export function folderShown(named: string | undefined, query: string): string | undefined {
  if (named === undefined) return query === "" ? INBOX : undefined;
  return named === "" ? undefined : named;
}

interface MailboxProps {
  readonly view: View;
  readonly page: PageContext;
  readonly address: Mailbox;
  readonly folders: readonly FolderView[];
  /** Undefined: all are shown. */
  readonly folder: FolderView | undefined;
  readonly query: string;
  /** A text: what is wrong with the query. */
  readonly found: MailPage | string;
  /** Can mail be written in its name? */
  readonly writes: boolean;
}

/** One mailbox. */
export function MailboxView(props: MailboxProps) {
  const { view, address, folders, folder, writes } = props;
  const path = pathTo("mailboxes", address);
  const messages = folders.reduce((sum, one) => sum + one.messages, 0);
  const bytes = folders.reduce((sum, one) => sum + one.bytes, 0);
  return (
    <>
      <p class="crumbs">
        <a href="/mailboxes">Mailboxes</a>
      </p>
      <Head title={address} lead={`${count(messages, "message")}, ${size(bytes)}`}>
        <Search {...props} />
      </Head>
      <div class={folders.length > 1 ? "mailbox" : undefined}>
        {folders.length > 1
          ? <FolderNav view={view} path={path} folders={folders} folder={folder} writes={writes} />
          : null}
        <div class="mailbox-main">
          <ActionForm view={view} action={path} class="card" select>
            <input type="hidden" name="back" value={view.here} />
            <div id="mail-list" data-live="1">
              <MailList {...props} />
            </div>
          </ActionForm>
          {folder === undefined ? null : <ChangeFolder view={view} path={path} folder={folder} />}
        </div>
      </div>
    </>
  );
}

function Search({ address, folders, folder, query }: MailboxProps) {
  return (
    <form method="get" action={pathTo("mailboxes", address)} class="search" role="search">
      <input
        type="search"
        name="q"
        value={query}
        placeholder="Words, from:ann, subject:code, is:unread"
        aria-label="Search this mailbox"
        title="Words, from: to: subject: folder: has:attachment before: after: is:read is:unread is:flagged; - before a term excludes"
        maxlength={MAX_QUERY}
      />
      {folders.length > 1 && folder !== undefined
        ? (
          <select name="folder" aria-label="Where to search">
            <option value="" selected={query === ""}>All folders</option>
            <option value={folder.name} selected={query !== ""}>{folder.name}</option>
          </select>
        )
        : null}
      <button type="submit">Find</button>
    </form>
  );
}

function MailList({ view, page, address, folders, folder, query, found }: MailboxProps) {
  const path = pathTo("mailboxes", address);
  if (typeof found === "string") return <UnreadQuery fault={found} path={path} />;
  const more = found.next === undefined ? undefined : `${path}?${new URLSearchParams({
    ...(folder?.name === INBOX && query === "" ? {} : { folder: folder?.name ?? "" }),
    ...(query === "" ? {} : { q: query }),
    after: found.next,
  })}`;
  if (found.page.length === 0 && more === undefined) {
    if (query !== "") {
      return (
        <Empty title="Nothing found">
          <a href={folderPath(path, folder?.name)}>
            {folder ? `Show all of ${folder.name}` : "Show all mail"}
          </a>
        </Empty>
      );
    }
    const isNew = folders.every(({ messages }) => messages === 0);
    if (isNew) return <EmptyMailbox page={page} address={address} />;
    return <Empty title={folder ? `There is nothing in ${folder.name}` : "There is no mail"} />;
  }
  const all = folder?.messages ?? folders.reduce((sum, { messages }) => sum + messages, 0);
  const isOwn = folder?.specialUse === "Sent" || folder?.specialUse === "Drafts";
  return (
    <>
      <MailTable columns={[isOwn ? "To" : "From"]} actions={<Actions folders={folders} folder={folder} />}>
        {found.page.map((mail) => (
          <MailRow
            key={mail.entry.uid}
            view={view}
            path={path}
            mail={mail}
            isOwn={isOwn}
            where={folder === undefined && folders.length > 1}
            stars={folders.length > 1}
          />
        ))}
      </MailTable>
      {more === undefined ? null : (
        <div class="pager">
          <span>
            {query === "" ? "" : `${number(found.looked)} of ${count(all, "message")} searched here.`}
          </span>
          <a href={more}>{query === "" ? "Older mail" : "Search older mail"}</a>
        </div>
      )}
    </>
  );
}

/** What is done to the messages that are selected. */
function Actions({ folders, folder }: Pick<MailboxProps, "folders" | "folder">) {
  const button = (word: string, text: string) => (
    <button type="submit" class="small" name="do" value={word} data-needs="1">{text}</button>
  );
  const others = folders.filter(({ name }) => name !== folder?.name);
  return (
    <>
      {button("read", "Read")}
      {button("unread", "Not read")}
      {others.length === 0 ? null : (
        <>
          {button("flag", "Flag")}
          {button("unflag", "No flag")}
          <select name="to" aria-label="Folder to move to">
            <option value="">Move to …</option>
            {others.map(({ name }) => <option key={name} value={name}>{name}</option>)}
          </select>
          {button("move", "Move")}
        </>
      )}
      <DeleteButton forGood={isForGood(folders, folder?.name)} ask="Delete {n} for good?" small />
    </>
  );
}

/** What is in Trash, or has none to go to, goes for good. */
export function isForGood(folders: readonly FolderView[], folder: string | undefined): boolean {
  const trash = trashOf(folders);
  return trash === undefined || trash === folder;
}

/** The button that deletes: into Trash, or for good, and then it asks. */
export function DeleteButton({ forGood, ask, small }: { forGood: boolean; ask: string; small?: boolean }) {
  return forGood
    ? (
      <button
        type="submit"
        class={small ? "danger small" : "danger"}
        name="do"
        value="delete"
        data-needs="1"
        data-confirm={ask}
        data-yes="Delete"
      >
        Delete
      </button>
    )
    : (
      <button type="submit" class={small ? "danger small" : "danger"} name="do" value="trash" data-needs="1">
        Delete
      </button>
    );
}

function UnreadQuery({ fault, path }: { fault: string; path: string }) {
  return (
    <Empty title="The search can't be read">
      {`In it ${fault}. `}
      <a href={path}>Show the whole mailbox</a>
    </Empty>
  );
}

interface RowProps {
  readonly view: View;
  readonly path: string;
  readonly mail: FoundMail;
  /** The owner wrote it: who it is for is shown. */
  readonly isOwn: boolean;
  /** The folder is told. */
  readonly where: boolean;
  readonly stars: boolean;
}

function MailRow({ view, path, mail: { entry, header }, isOwn, where, stars }: RowProps) {
  const person = isOwn ? header.to : header.from;
  const subject = header.subject.trim() === "" ? "No subject" : header.subject;
  const mayChange = !view.user || mayCall(view.user.role, "POST", path);
  return (
    <tr data-row={entry.uid} class={entry.seen ? undefined : "unread"}>
      <td class="tick">
        <input type="checkbox" name="uid" value={entry.uid} aria-label={`Select the message ${entry.uid}`} />
      </td>
      <td>
        {stars ? <Star uid={entry.uid} subject={subject} flags={entry.flags} may={mayChange} /> : null}
        <a class="row-link" href={`${path}/${entry.uid}`}>
          <bdi>{subject}</bdi>
          {entry.seen ? null : <span class="unseen">(not read)</span>}
        </a>
        {where ? <span class="where">{entry.folder ?? INBOX}</span> : null}
      </td>
      <td>
        <bdi>{person === "" ? (isOwn ? "nobody yet" : "the mail system") : person}</bdi>
      </td>
      <td class="when">
        <Time at={entry.receivedAt} now={view.now} />
      </td>
      <td class="number">{size(entry.size)}</td>
    </tr>
  );
}

function Star(
  { uid, subject, flags = 0, may }: {
    uid: string;
    subject: string;
    flags: number | undefined;
    may: boolean;
  },
) {
  const isFlagged = (flags & FLAGGED) !== 0;
  const mark = <span aria-hidden="true">{isFlagged ? "\u2605" : "\u2606"}</span>;
  if (!may) return isFlagged ? <span class="star" role="img" aria-label="Flagged">{mark}</span> : null;
  return (
    <button
      type="submit"
      class="star plain"
      name="star"
      value={uid}
      aria-label={`Flag ${subject}`}
      aria-pressed={isFlagged ? "true" : "false"}
    >
      {mark}
    </button>
  );
}

function EmptyMailbox({ page, address }: { page: PageContext; address: Mailbox }) {
  const smtp = page.server.addresses()["smtp"]?.[0];
  return (
    <Empty title="The mailbox is empty">
      {smtp === undefined ? "Mail for this address appears here by itself." : (
        <>
          Mail appears here by itself. Try it:
          <pre>{`printf 'Subject: Hello\\r\\n\\r\\nHow are you?\\r\\n' |\n  curl --url smtp://${smtp} --mail-rcpt ${address} --upload-file -`}</pre>
        </>
      )}
    </Empty>
  );
}

/** The question before messages go for good. */
export function DeleteQuestion(
  p: { view: View; address: Mailbox; uids: readonly string[]; back: string },
) {
  const { view, address, uids, back } = p;
  const path = pathTo("mailboxes", address);
  return (
    <>
      <Head
        title="Delete mail?"
        lead={`${count(uids.length, "message")} of ${address} will be gone for good.`}
      />
      <ActionForm view={view} action={path} class="buttons">
        <input type="hidden" name="do" value="delete" />
        <input type="hidden" name="sure" value="1" />
        <input type="hidden" name="back" value={back} />
        {uids.map((uid) => <input key={uid} type="hidden" name="uid" value={uid} />)}
        <button type="submit" class="danger">Delete</button>
        <a class="button" href={path}>Cancel</a>
      </ActionForm>
    </>
  );
}
