/**
 * A packed row of message objects: what is known of some messages whichever folders they are in, and what reads and
 * frees their bodies. An object never changes; when the last placement of one in a folder is gone it leaves its row in
 * the commit that lets its body go.
 */

import type { BodyRef } from "../storage/bodies/bodies.ts";
import type { MailEntry } from "./mail_entry.ts";
import { Packer, Unpacker } from "./packing.ts";

const VERSION = 1;
const SHARED = 1;
/** The body is not named as the message is. */
const OTHER_NAME = 2;
/** The body's ref has more in it than its name, size and chunks: it is written as JSON. */
const OTHER_REF = 4;
const TAGS = 8;

/** The objects whose numbers are in one row are as many. */
export const ROW_OBJECTS = 32;

/** The row in which an object is. */
export function objectRow(object: number): number {
  return Math.floor(object / ROW_OBJECTS);
}

/** What is known of a message. */
export type MailObject = Pick<MailEntry, "body" | "prefix" | "sender" | "recipient" | "tags"> & {
  /** Its id. */
  readonly id: string;
  /** When it came: milliseconds since 1970, not before. */
  readonly receivedAt: number;
};

/** The objects of one row, by number. */
export type ObjectRow = ReadonlyMap<number, MailObject>;

/** A time as objects have it. */
export function receivedAtOf(ms: number): number {
  return Math.max(0, Math.round(ms));
}

/** Packs a row. */
export function packObjects(objects: ObjectRow): Uint8Array<ArrayBuffer> {
  const packer = new Packer(VERSION);
  packer.number(objects.size);
  const texts = new Map<string, number>();
  const text = (value: string) => {
    const known = texts.get(value);
    packer.number(known ?? texts.size);
    if (known !== undefined) return;
    texts.set(value, texts.size);
    packer.text(value);
  };
  let before = 0;
  for (const number of [...objects.keys()].sort((a, b) => a - b)) {
    const { id, receivedAt, body, prefix, sender, recipient, tags } = objects.get(number)!;
    packer.number(number - before);
    before = number;
    const isOther = Object.keys(body).length > 4;
    packer.byte(
      (body.shared ? SHARED : 0) | (body.id === id ? 0 : OTHER_NAME) | (isOther ? OTHER_REF : 0) |
        (tags ? TAGS : 0),
    );
    packer.text(id);
    packer.number(receivedAt);
    if (isOther) packer.text(JSON.stringify(body));
    else {
      if (body.id !== id) packer.text(body.id);
      packer.number(body.size);
      packer.number(body.chunks);
    }
    text(prefix);
    text(sender);
    text(recipient);
    if (tags) packer.text(JSON.stringify(tags));
  }
  return packer.packed();
}

/** Reads a row; throws a `RangeError` when it is none. */
export function unpackObjects(bytes: Uint8Array): Map<number, MailObject> {
  const unpacker = new Unpacker(bytes, VERSION);
  const objects = new Map<number, MailObject>();
  const texts: string[] = [];
  const text = () => {
    const at = unpacker.number();
    if (at > texts.length) throw new RangeError("A packed row of objects is damaged");
    return at < texts.length ? texts[at]! : texts[texts.push(unpacker.text()) - 1]!;
  };
  let number = 0;
  for (let left = unpacker.number(); left > 0; left--) {
    number += unpacker.number();
    const kind = unpacker.byte();
    const id = unpacker.text();
    const receivedAt = unpacker.number();
    const body = (kind & OTHER_REF) !== 0 ? JSON.parse(unpacker.text()) as BodyRef : {
      id: (kind & OTHER_NAME) !== 0 ? unpacker.text() : id,
      size: unpacker.number(),
      chunks: unpacker.number(),
      shared: (kind & SHARED) !== 0,
    };
    const object = { id, receivedAt, body, prefix: text(), sender: text(), recipient: text() };
    const tags = (kind & TAGS) !== 0 ? { tags: JSON.parse(unpacker.text()) as string[] } : {};
    objects.set(number, { ...object, ...tags });
  }
  return objects;
}
