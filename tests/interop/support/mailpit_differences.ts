/** What differs from the answers of Mailpit 1.33.1, and why. */

/** Ids, times and whole sizes; and the check of HTML, whose data is of another day, and which counts in another way. */
export const PASSED_OVER =
  /\.(?:ID|Created)$|^\.body(?:\.messages\[\])?\.Size$|^\.body\.Date$|\.Warnings\b|\.Platforms\b|\.Total\b/;

const UNCHANGED =
  "No octet of a captured message changes: a message without a Message-ID gets none, and hidden " +
  "recipients get no field.";

/** Each with what it stands for: the call, with the letter's subject where it is of one, and the place in the answer. */
export const DIFFERENCES: readonly { readonly at: RegExp; readonly why: string }[] = [
  {
    at: /^"(?:|plain words|no more than a header)" message(?:\/headers)? \.body\.Message(?:ID|-Id)$/,
    why: UNCHANGED,
  },
  { at: /^(?:messages|search).* \.body\.messages\[\]\.MessageID$/, why: UNCHANGED },
  { at: /^".*" message\/headers \.body\.Bcc$/, why: UNCHANGED },
  { at: /^".*" message\/headers \.body\.Received\[\]$/, why: "It names the server that took the message." },
  {
    at: /^".*" message\/headers \.body\.Return-Path$/,
    why: "The field is written by who delivers (RFC 5321 4.4); ReturnPath has it.",
  },
  {
    at: /^"html only" (?:message \.body\.Text|view\.txt \.body)$/,
    why: "Of HTML alone we give what it shows, and where links lead, Mailpit a drawing of it.",
  },
  {
    at: /^"(?:Your code café|pictures)" view\.html \.body$/,
    why: "The pictures of a message are within it, so that it can be shown without any origin.",
  },
  {
    at: /^search\?query="code\+is" \.body\.(?:count|messages\[\]|messages_count|messages_unread)$/,
    why: "Words are looked for in text and HTML; Mailpit looks into the HTML alone where there is one.",
  },
  {
    at: /^search.* \.body\.messages\[\]\.ReplyTo$/,
    why: "A search gives empty lists of ReplyTo as other lists do; Mailpit's gives null.",
  },
  {
    at: /^webui \.body\.MessageRelay\.(?:Enabled|PreserveMessageIDs)$/,
    why: "A release needs no relay here, and changes nothing.",
  },
];
