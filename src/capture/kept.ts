/** A captured message as its store knows it, in little memory: there may be a hundred thousand. */

import { localKey } from "../mail/address.ts";
import type { Mailbox } from "../mail/envelope.ts";
import type { BodyRef } from "../storage/bodies/bodies.ts";
import { chunkCount } from "../storage/bodies/layout.ts";
import type { Captured, NewCaptured } from "./captured.ts";

/** Where a message is kept. */
export interface KeptPlace {
  readonly body: BodyRef;
  /** The content, where no store holds it. */
  readonly bytes?: Uint8Array | undefined;
  /** The parts of its record that a store holds. Default: none. */
  readonly parts?: readonly (number | string)[];
  /** The mailbox that shows it, by local key. Default: each recipient's own. */
  readonly box?: string | undefined;
}

/** One captured message. */
export class Kept implements Captured {
  readonly id: string;
  readonly receivedAt: number;
  readonly sender: Mailbox;
  readonly size: number;
  readonly bytes: Uint8Array | undefined;
  /** By arrival: later ones have more. Whoever keeps it sets that. */
  order = 0;
  recipients: readonly Mailbox[];
  seen = false;
  tags: readonly string[];
  readonly username: string | undefined;
  parts: readonly (number | string)[];
  /** By place among the recipients: the mailbox that shows it for that one; undefined: it does no more. */
  #boxes: readonly (string | undefined)[];
  /** Where the body is not as a new message's of that id and size. */
  readonly #body: BodyRef | undefined;

  /** `shared` has the lists that are the same for many. */
  constructor(
    { id, receivedAt, sender, recipients, tags = [], username }: NewCaptured,
    of: KeptPlace & { shared: SharedLists },
  ) {
    const { body, bytes, parts = [], box, shared } = of;
    this.id = id;
    this.receivedAt = receivedAt;
    this.sender = shared.text(sender);
    this.size = body.size;
    this.bytes = bytes;
    this.tags = shared.list(tags);
    this.username = username && shared.text(username);
    this.parts = parts.length === 1 && parts[0] === 0 ? ONE_PART : parts;
    const isUsual = body.id === id && !body.shared && body.chunks === chunkCount(body.size);
    this.#body = isUsual ? undefined : body;
    const boxes = new Map<string, Mailbox>();
    for (const recipient of recipients) {
      const key = box ?? localKey(recipient);
      if (!boxes.has(key)) boxes.set(key, recipient);
    }
    this.recipients = shared.list([...boxes.values()]);
    this.#boxes = shared.list([...boxes.keys()]);
  }

  /** Its content in the store. */
  get body(): BodyRef {
    const { id, size } = this;
    return this.#body ?? { id, size, chunks: chunkCount(size), shared: false };
  }

  /** The mailboxes that show it, by local key. */
  get boxes(): string[] {
    return this.#boxes.filter((box) => box !== undefined);
  }

  /** The recipient that a mailbox shows it for; undefined: it does not show it. */
  recipientOf(box: string): Mailbox | undefined {
    const at = this.#boxes.indexOf(box);
    return at < 0 ? undefined : this.recipients[at];
  }

  /** The places among the recipients of those whose mailboxes don't show it any more. */
  get gone(): number[] {
    return this.#boxes.flatMap((box, at) => box === undefined ? [at] : []);
  }

  /** A mailbox shows it, too; false: it did before. */
  enter(box: string, recipient: Mailbox): boolean {
    if (this.#boxes.includes(box)) return false;
    this.recipients = [...this.recipients, recipient];
    this.#boxes = [...this.#boxes, box];
    return true;
  }

  /** A mailbox does not show it any more; false: it did not before. */
  leave(box: string): boolean {
    const at = this.#boxes.indexOf(box);
    if (at >= 0) this.#boxes = this.#boxes.with(at, undefined);
    return at >= 0;
  }
}

const ONE_PART: readonly number[] = [0];
/** So many are remembered at a time. */
const MOST = 10_000;

/** Lists of one text, and texts, that are the same for many messages. */
export class SharedLists {
  readonly #lists = new Map<string, readonly [string]>();

  /** One that has the same texts. */
  list(texts: readonly string[]): readonly string[] {
    if (texts.length === 0) return NONE;
    return texts.length === 1 ? this.#of(texts[0]!) : texts;
  }

  /** The same text. */
  text(text: string): string {
    return this.#of(text)[0];
  }

  #of(text: string): readonly [string] {
    let list = this.#lists.get(text);
    if (!list) {
      if (this.#lists.size >= MOST) this.#lists.clear();
      this.#lists.set(text, list = [text]);
    }
    return list;
  }
}

const NONE: readonly string[] = [];
