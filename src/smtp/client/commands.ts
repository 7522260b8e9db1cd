/** The MAIL and RCPT commands that a client writes (RFC 5321 4.1.1, 1870, 3461, 6152, 6531). */

import type { EnvelopeRecipient } from "../../mail/envelope.ts";
import type { PeerExtensions } from "./extensions.ts";
import type { OutgoingMessage } from "./options.ts";

/** An xtext or keyword as it may stand in a command line. */
const PARAMETER = /^[\x21-\x7e]{1,500}$/;
/** Controls, blanks outside quotes and angle brackets outside quotes would end the path or the line early. */
const SAFE = /^(?:"(?:[^"\\\p{Cc}]|\\[^\p{Cc}])*"|[^"\p{Cc}\s<>])*$/u;

/** True when an address can stand between angle brackets without breaking out of them. */
export function isSafeAddress(address: string): boolean {
  return SAFE.test(address);
}

/** The MAIL command; `utf8`: the transaction needs SMTPUTF8. */
export function mailCommand(message: OutgoingMessage, peer: PeerExtensions, utf8: boolean): string {
  const { bodyType, ret, envid, tls } = message.parameters;
  let line = `MAIL FROM:<${message.sender}>`;
  if (peer.size) line += ` SIZE=${message.size}`;
  if (peer.eightBit && bodyType === "8BITMIME") line += " BODY=8BITMIME";
  if (utf8) line += " SMTPUTF8";
  if (tls === "required") line += " REQUIRETLS";
  if (!peer.dsn) return line;
  if (ret !== undefined) line += ` RET=${ret === "full" ? "FULL" : "HDRS"}`;
  if (envid !== undefined && PARAMETER.test(envid)) line += ` ENVID=${envid}`;
  return line;
}

/** A RCPT command. An ORCPT that is not ASCII goes only into a transaction with SMTPUTF8 (RFC 6533 3). */
export function rcptCommand(recipient: EnvelopeRecipient, peer: PeerExtensions, utf8: boolean): string {
  const { notify, orcpt } = recipient;
  let line = `RCPT TO:<${recipient.address}>`;
  if (!peer.dsn) return line;
  if (notify === "never") line += " NOTIFY=NEVER";
  else if (notify !== undefined && notify.length > 0) line += ` NOTIFY=${notify.join(",").toUpperCase()}`;
  if (orcpt !== undefined && (utf8 ? isSafeAddress(orcpt) && !orcpt.includes('"') : PARAMETER.test(orcpt))) {
    line += ` ORCPT=${orcpt}`;
  }
  return line;
}

/** True when the sender wants to hear of this recipient's success. */
export function wantsSuccess(recipient: EnvelopeRecipient): boolean {
  return Array.isArray(recipient.notify) && recipient.notify.includes("success");
}
