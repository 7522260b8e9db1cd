/** What differs from the answers of Mailpit 1.33.1, and why. */

/** Ids, times and whole sizes; and the check of HTML, whose data is of another day, and which counts in another way. */
export const PASSED_OVER =
  /\.(?:ID|Created)$|^\.body(?:\.messages\[\])?\.Size$|^\.body\.Date$|\.Warnings\b|\.Platforms\b|\.Total\b/;

const LINES =
  "Texts are given with LF; Mailpit leaves the line ends of a text that is not in parts as they came.";
const UNCHANGED =
  "No octet of a captured message changes: a message without a Message-ID gets none, and hidden " +
  "recipients get no field.";
const BOTH = "Words are looked for in text and HTML; Mailpit looks into the HTML alone where there is one.";
const LISTS = "A search gives empty lists of ReplyTo as other lists do; Mailpit's gives null.";

/** By call and place. */
export const DIFFERENCES: Readonly<Record<string, string>> = {
  "message .body.HTML": LINES,
  "message .body.MessageID": UNCHANGED,
  "message .body.Text": `${LINES} Of HTML alone we give what it shows, Mailpit a drawing of it.`,
  "message/headers .body.Bcc": UNCHANGED,
  "message/headers .body.Message-Id": UNCHANGED,
  "message/headers .body.Received[]": "It names the server that took the message.",
  "message/headers .body.Return-Path":
    "The field is written by who delivers (RFC 5321 4.4); ReturnPath has it.",
  "search .body.count": BOTH,
  "search .body.messages[]": BOTH,
  "search .body.messages[].MessageID": UNCHANGED,
  "search .body.messages[].ReplyTo": LISTS,
  "search .body.messages_count": BOTH,
  "search .body.messages_unread": BOTH,
};
