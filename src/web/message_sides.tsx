/** @jsxImportSource hono/jsx */
/** The sides of a message that show what its writer wrote: HTML in a frame that can do nothing, and text. */

import type { MailView } from "../api/mail_reader.ts";

/** The HTML part at the width of a desktop or of a phone; the widths are chosen without a script. */
export function HtmlSide({ path, remote }: { path: string; remote: boolean }) {
  return (
    <>
      <div class="frame-tools">
        <fieldset class="choice">
          <legend class="unseen">Width</legend>
          <label>
            <input type="radio" name="width" value="desktop" checked /> Desktop
          </label>
          <label>
            <input type="radio" name="width" value="phone" /> Phone
          </label>
        </fieldset>
        <p class="small-print">
          Shown without scripts; links and forms are off. {remote
            ? (
              <>
                Pictures and styles from elsewhere are loaded. <a href={`${path}?side=html`}>Block them</a>
              </>
            )
            : (
              <>
                Pictures and styles from elsewhere are blocked.{" "}
                <a href={`${path}?side=html&remote=1`}>Load them</a>
              </>
            )}
        </p>
      </div>
      <div class="frame-room" tabindex={0} role="group" aria-label="The message's HTML part">
        <iframe
          class="frame"
          src={`${path}/html${remote ? "?remote=1" : ""}`}
          sandbox=""
          referrerpolicy="no-referrer"
          title="The message's HTML part"
        />
      </div>
    </>
  );
}

/** The text part. */
export function TextSide({ mail }: { mail: MailView }) {
  const hasText = mail.text !== null && mail.text.trim() !== "";
  return (
    <>
      {mail.fault === null ? null : (
        <p class="complaint">
          {`This message is damaged: ${mail.fault}. Its source is there as it came.`}
        </p>
      )}
      {hasText
        ? <div class="mail-text" dir="auto">{mail.text}</div>
        : mail.fault === null
        ? <p class="quiet">The message has no text.</p>
        : null}
    </>
  );
}
