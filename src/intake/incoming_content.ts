/** The content of a message on its way in: its header section is held back until it is whole, to be mended. */

import { decodeStrictly, encodeShortly } from "../base/bytes.ts";
import type { Envelope } from "../mail/envelope.ts";
import type { BodyDraft, BodyWriter } from "../storage/bodies/bodies.ts";
import { isComplaint } from "./complaints.ts";
import type { ArrivalCheck, Checked } from "./arrival_checks.ts";
import type {
  AcceptableContent,
  Acceptance,
  ContentRefusal,
  IncomingEnvelope,
  Origin,
} from "./acceptance.ts";
import { fieldOctets } from "../mail/header.ts";
import { decodeFieldValue } from "../mail/decoded_words.ts";
import { subjectText } from "../mail/subject.ts";
import { tagsIn } from "../mail/tags.ts";
import { mayBeReport } from "../reports/received_reports.ts";
import { HeaderScanner } from "./header_scanner.ts";

/** Takes the content of one message, and remembers why it can't be accepted. */
export class IncomingContent implements AcceptableContent {
  readonly id: string;
  readonly #acceptance: Acceptance;
  readonly #of: { readonly envelope: Envelope; readonly origin: Origin };
  readonly #check: ArrivalCheck | undefined;
  readonly #body: BodyWriter;
  readonly #header = new HeaderScanner();
  #headerEnded = false;
  #utf8Header = false;
  #isComplaint = false;
  /** The subject's octets, a character for each. */
  #subject: string | undefined;
  #tlsOptional = false;
  #mayBeReport = false;
  /** The same of what names its tags. */
  #tags: string | undefined;
  #signFor: string | undefined;
  #refusal: ContentRefusal | undefined;
  #checked: Checked | undefined;

  /** A check sees what comes, before it is mended. */
  constructor(
    acceptance: Acceptance,
    of: { envelope: IncomingEnvelope; origin: Origin; check?: ArrivalCheck | undefined },
  ) {
    this.#acceptance = acceptance;
    this.#of = of;
    this.#check = of.check;
    const { id, body } = acceptance.open(of.envelope, { frontLater: of.check !== undefined });
    this.id = id;
    this.#body = body;
  }

  get size(): number {
    return this.#body.size + (this.#checked?.front.length ?? 0);
  }

  get utf8Header(): boolean {
    return this.#utf8Header;
  }

  get subject(): string | undefined {
    return this.#subject && subjectText(this.#subject);
  }

  get mayBeReport(): boolean {
    return this.#mayBeReport;
  }

  get tlsOptional(): boolean {
    return this.#tlsOptional;
  }

  get tags(): readonly string[] {
    return this.#tags === undefined ? [] : tagsIn(decodeFieldValue(this.#tags));
  }

  get checks(): Readonly<Record<string, string>> | undefined {
    return this.#checked?.words;
  }

  get signFor(): string | undefined {
    return this.#signFor;
  }

  get isComplaint(): boolean {
    return this.#isComplaint;
  }

  get refusal(): ContentRefusal | undefined {
    return this.#refusal;
  }

  /** Has the blank line behind the header section come? */
  get headerEnded(): boolean {
    return this.#headerEnded;
  }

  /**
   * Takes a piece, with CRLF line ends; it may be used again when this returns, or its promise resolves. Never rejects,
   * and takes nothing more once the content is refused.
   */
  write(piece: Uint8Array): void | Promise<void> {
    if (this.#refusal !== undefined || piece.length === 0) return;
    if (this.#headerEnded) return this.#appendBody(piece);
    const found = this.#header.push(piece);
    if (found === "more") return;
    if (found === "tooLong") {
      this.#refusal = "longHeader";
      return;
    }
    const waiting = this.#begin(found.header);
    if (this.#refusal !== undefined || found.rest.length === 0) return waiting;
    return waiting ? waiting.then(() => this.#appendBody(found.rest)) : this.#appendBody(found.rest);
  }

  /** No more comes; what came without a blank line is a header section alone. */
  end(): void | Promise<void> {
    if (!this.#headerEnded && this.#refusal === undefined) return this.#begin(this.#header.whole());
  }

  /** What the check of the whole content came to. */
  setChecked(checked: Checked): void {
    this.#checked = checked;
  }

  finish(): BodyDraft {
    return this.#body.finish(this.#checked?.front);
  }

  abort(): Promise<void> {
    this.#acceptance.underWay.end(this.id);
    return this.#body.abort();
  }

  #begin(section: Uint8Array): void | Promise<void> {
    this.#headerEnded = true;
    this.#check?.header(section);
    const begun = this.#acceptance.begin(section, this.id, this.#of);
    if (typeof begun === "string") {
      this.#refusal = begun;
      return;
    }
    this.#utf8Header = this.#of.envelope.utf8 === true && section.some((octet) => octet > 127) &&
      decodeStrictly(section) !== undefined;
    const { before, header, signFor } = begun;
    this.#signFor = signFor;
    this.#subject = fieldIn(begun, "subject");
    const type = fieldIn(begun, "content-type");
    this.#isComplaint = type !== undefined && isComplaint(type);
    this.#tags = fieldIn(begun, "x-tags");
    this.#mayBeReport = mayBeReport(this.#subject ?? "", type ?? "");
    this.#tlsOptional = fieldIn(begun, "tls-required")?.toLowerCase() === "no";
    // small as it is, it is copied at once
    const waiting = this.#append(encodeShortly(before));
    return waiting ? waiting.then(() => this.#append(header)) : this.#append(header);
  }

  #appendBody(piece: Uint8Array): void | Promise<void> {
    this.#check?.body(piece);
    return this.#append(piece);
  }

  #append(piece: Uint8Array): void | Promise<void> {
    if (this.#refusal !== undefined) return;
    return this.#body.append(piece)?.catch((error) => {
      this.#refusal = this.#acceptance.failed(this.id, error);
    });
  }
}

/** The octets of a field, for which only a header is looked through that may have it. */
function fieldIn(
  { header, names }: { readonly header: Uint8Array; readonly names: ReadonlySet<string> | undefined },
  name: string,
): string | undefined {
  return names === undefined || names.has(name) ? fieldOctets(header, name) : undefined;
}
