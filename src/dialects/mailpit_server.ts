/** Mailpit's API: the server itself, its chaos, and messages that come over HTTP. */

import { Dialect, type DialectParts, members, Refused } from "./dialect.ts";
import { Chaos } from "./mailpit_chaos.ts";
import { sendMessage } from "./mailpit_send.ts";
import { tagCounts } from "./mailpit_shapes.ts";

/** Its calls for all that is no message. */
export function mailpitServer(parts: DialectParts): Dialect["app"] {
  const dialect = new Dialect("Mailpit");
  const { options: { faults, messageSize, releases } } = parts;
  const info = infoOf(parts);
  dialect.on("GET /api/v1/info", "What runs here, and what it has", (c) => c.json(info()));
  dialect.on("GET /api/v1/webui", "What a page may offer", (c) =>
    c.json({
      Label: "",
      MessageRelay: {
        Enabled: releases !== undefined,
        SMTPServer: "",
        ReturnPath: "",
        AllowedRecipients: "",
        BlockedRecipients: "",
        OverrideFrom: "",
        PreserveMessageIDs: true,
        RecipientAllowlist: "",
      },
      SpamAssassin: false,
      Rspamd: false,
      ChaosEnabled: faults !== undefined,
      DuplicatesIgnored: false,
      HideDeleteAllButton: false,
    }));
  const chaos = faults && new Chaos(faults);
  dialect.on(
    "GET /api/v1/chaos",
    "The faults that come by chance",
    (c) => c.json((chaos ?? noChaos()).json()),
  );
  dialect.on("PUT /api/v1/chaos", "Set the faults that come by chance", async (c) => {
    const wanted = await members(c);
    (chaos ?? noChaos()).set(wanted);
    return c.json(chaos!.json());
  });
  dialect.on("POST /api/v1/send", "Send a message in parts", (c) => sendMessage(c, parts), {
    // attachments are in base64
    limit: Math.ceil(messageSize * 1.4) + 64 * 1024,
  });
  return dialect.app;
}

function noChaos(): never {
  throw new Refused(400, "Chaos is not enabled");
}

/** The version that it answers as (some clients look for the `v`), with our own. */
export function mailpitVersion(version: string): string {
  return `v1.33.1+dinopost.${version}`;
}

/** What has come and gone is counted from now on; what is there came before. */
function infoOf({ options: { clock, version }, mail }: DialectParts) {
  const began = clock.monotonic();
  let [accepted, acceptedSize, deleted] = [mail.count, mail.bytes, 0];
  mail.on((change) => {
    if (change.kind === "captured") {
      accepted++;
      acceptedSize += change.message.size;
    } else if (change.kind === "removed") deleted += change.messages.length;
  });
  return () => {
    return {
      Version: mailpitVersion(version),
      LatestVersion: "disabled",
      Database: "",
      DatabaseSize: mail.bytes,
      Messages: mail.count,
      Unread: mail.unseen,
      Tags: Object.fromEntries(tagCounts(mail.tagged())),
      RuntimeStats: {
        Uptime: Math.floor((clock.monotonic() - began) / 1000),
        Memory: Deno.memoryUsage().rss,
        MessagesDeleted: deleted,
        SMTPAccepted: accepted,
        SMTPAcceptedSize: acceptedSize,
        SMTPRejected: 0,
        SMTPIgnored: 0,
      },
    };
  };
}
