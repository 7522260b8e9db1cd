/** @jsxImportSource hono/jsx */
/** What can be done with one message of a mailbox: the forms above it. */

import type { FolderView } from "../api/mail_folders.ts";
import { mayCall } from "../http/roles.ts";
import { DRAFT, FLAGGED } from "../mailbox/flags.ts";
import { INBOX } from "../mailbox/folder_names.ts";
import type { MailEntry } from "../mailbox/mail_entry.ts";
import type { View } from "./context.ts";
import { DeleteButton, isForGood } from "./mailbox_view.tsx";
import { ActionForm } from "./parts.tsx";

/** The forms of a message: `action` takes them, `back` is where the list is. */
export function MailTools(
  p: { view: View; entry: MailEntry; folders: readonly FolderView[]; action: string; back: string },
) {
  const { view, entry, folders, action, back } = p;
  const { uid, folder = INBOX, flags = 0 } = entry;
  const others = folders.filter(({ name }) => name !== folder);
  const hasMany = others.length > 0;
  const isFlagged = (flags & FLAGGED) !== 0;
  const isDraft = (flags & DRAFT) !== 0 && (!view.user || mayCall(view.user.role, "POST", action));
  return (
    <>
      {isDraft ? <a class="button primary" href={`${action}/write?draft=${uid}`}>Go on writing</a> : null}
      {hasMany
        ? (
          <ActionForm view={view} action={action}>
            <input type="hidden" name="back" value={view.here} />
            <button type="submit" name="star" value={uid} aria-pressed={isFlagged ? "true" : "false"}>
              <span class="star" aria-hidden="true">{isFlagged ? "\u2605" : "\u2606"}</span> Flag
            </button>
          </ActionForm>
        )
        : null}
      <ActionForm view={view} action={action} class="buttons">
        <input type="hidden" name="uid" value={uid} />
        <input type="hidden" name="back" value={back} />
        {hasMany
          ? (
            <>
              <select name="to" aria-label="Folder to move to">
                <option value="">Move to …</option>
                {others.map(({ name }) => <option key={name} value={name}>{name}</option>)}
              </select>
              <button type="submit" name="do" value="move">Move</button>
            </>
          )
          : null}
        <button type="submit" name="do" value="unread">Not read</button>
        <DeleteButton forGood={isForGood(folders, folder)} ask="Delete this message for good?" />
      </ActionForm>
    </>
  );
}

/** The form that sends a captured message on. */
export function Release({ view, action, to }: { view: View; action: string; to: readonly string[] }) {
  return (
    <details>
      <summary>Release to the real world</summary>
      <ActionForm view={view} action={action} class="buttons">
        <label>
          To <input type="text" name="to" value={to.join(", ")} required />
        </label>
        <button type="submit" data-confirm="Send this message for real?" data-yes="Release">Release</button>
      </ActionForm>
    </details>
  );
}

/** The form that deletes a message for good. */
export function Delete(
  { view, action, uid, back }: { view: View; action: string; uid: string; back: string },
) {
  return (
    <ActionForm view={view} action={action}>
      <input type="hidden" name="uid" value={uid} />
      <input type="hidden" name="back" value={back} />
      <button type="submit" class="danger" data-confirm="Delete this message for good?" data-yes="Delete">
        Delete
      </button>
    </ActionForm>
  );
}
