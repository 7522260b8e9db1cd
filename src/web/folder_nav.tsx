/** @jsxImportSource hono/jsx */
/** The folders of a mailbox beside its list, and the forms that make, rename and delete them. */

import type { FolderView } from "../api/mail_folders.ts";
import { mayCall } from "../http/roles.ts";
import { INBOX } from "../mailbox/folder_names.ts";
import type { View } from "./context.ts";
import { number } from "./format.ts";
import { ActionForm } from "./parts.tsx";

/** Where a folder of the mailbox at `path` is shown; undefined: all of them. */
export function folderPath(path: string, folder: string | undefined): string {
  return folder === INBOX ? path : `${path}?${new URLSearchParams({ folder: folder ?? "" })}`;
}

interface FolderProps {
  readonly view: View;
  /** Of the mailbox. */
  readonly path: string;
  readonly folder: FolderView | undefined;
}

/** All folders, with how much in them nobody has read. */
export function FolderNav(p: FolderProps & { folders: readonly FolderView[]; writes: boolean }) {
  const { view, path, folders, folder, writes } = p;
  const mayWrite = writes && (!view.user || mayCall(view.user.role, "POST", path));
  return (
    <div class="folders">
      {mayWrite ? <a class="button primary" href={`${path}/write`}>Write</a> : null}
      <nav aria-label="Folders" id="folder-nav" data-live="1">
        <ul>
          {folders.map((one) => (
            <li key={one.name} data-row={one.name}>
              <FolderLink path={path} of={one} isCurrent={one.name === folder?.name} />
            </li>
          ))}
          <li>
            <a href={folderPath(path, undefined)} aria-current={folder ? undefined : "page"}>All mail</a>
          </li>
        </ul>
      </nav>
      <ActionForm view={view} action={`${path}/folders`} class="new-folder">
        <details>
          <summary>New folder</summary>
          <label for="folder-name" class="unseen">Name of the new folder</label>
          <input
            type="text"
            id="folder-name"
            name="name"
            required
            maxlength={500}
            placeholder="Clients/Acme"
          />
          <button type="submit" class="small">Make</button>
        </details>
      </ActionForm>
    </div>
  );
}

function FolderLink({ path, of, isCurrent }: { path: string; of: FolderView; isCurrent: boolean }) {
  const { name, messages, unseen, specialUse } = of;
  const levels = name.split("/");
  // what the owner wrote, or threw away, waits for nobody
  const shown = specialUse === "Drafts" ? messages : unseen;
  return (
    <a
      href={folderPath(path, name)}
      aria-current={isCurrent ? "page" : undefined}
      class={`level-${Math.min(levels.length, 5)}${unseen > 0 ? " has-unseen" : ""}`}
      title={`${name}: ${number(messages)} in all`}
    >
      <bdi>{levels.at(-1)}</bdi>
      {shown === 0 ? null : (
        <span class="folder-count">
          {number(shown)}
          <span class="unseen">{specialUse === "Drafts" ? " drafts" : " not read"}</span>
        </span>
      )}
    </a>
  );
}

/** What becomes of a folder as a whole; those that every mailbox has stay as they are. */
export function ChangeFolder({ view, path, folder }: { view: View; path: string; folder: FolderView }) {
  const { name, specialUse } = folder;
  if (name === INBOX || specialUse !== undefined) return null;
  const action = `${path}/folders/${encodeURIComponent(name)}`;
  return (
    <details class="change-folder">
      <summary>Rename or delete this folder</summary>
      <div class="buttons">
        <ActionForm view={view} action={action} class="buttons">
          <input
            type="text"
            name="name"
            value={name}
            required
            maxlength={500}
            aria-label="Name of the folder"
          />
          <button type="submit" name="do" value="rename">Rename</button>
        </ActionForm>
        <ActionForm view={view} action={action}>
          <button
            type="submit"
            class="danger"
            name="do"
            value="delete"
            data-confirm="Delete this folder with all mail in it for good?"
            data-yes="Delete"
          >
            Delete with its mail
          </button>
        </ActionForm>
      </div>
    </details>
  );
}
