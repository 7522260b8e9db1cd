/**
 * The pixels of pictures: JPEG, PNG and GIF, whose first frame counts. They come from strangers: a few octets may stand for
 * gigabytes, so what a picture says of its size is looked at before it is decoded.
 */

import { orientationOf, type Picture, upright } from "./orientation.ts";

const MAX_OCTETS = 16 * 1024 * 1024;
/** A phone's photograph has 12 million. */
const MAX_PIXELS = 16_000_000;
/** Each scan of a JPEG goes over all its pixels again; programs write about ten. */
const MAX_SCANS = 30;
const MAX_MEGABYTES = 600;

/** Decodes a picture; undefined: it is none that can be read here, or too large. Takes some 100 ms for a photograph. */
export async function decodePicture(bytes: Uint8Array): Promise<Picture | undefined> {
  if (bytes.length > MAX_OCTETS) return undefined;
  const decode = DECODERS.find(({ magic }) => magic.every((octet, at) => bytes[at] === octet))?.decode;
  try {
    const picture = await decode?.(bytes);
    return picture && picture.width > 0 && picture.height > 0 ? picture : undefined;
  } catch {
    return undefined;
  }
}

const DECODERS = [
  { magic: [0xff, 0xd8, 0xff], decode: fromJpeg },
  { magic: [0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10], decode: fromPng },
  { magic: [0x47, 0x49, 0x46, 0x38], decode: fromGif },
];

async function fromJpeg(bytes: Uint8Array): Promise<Picture | undefined> {
  let scans = 0;
  for (let at = bytes.indexOf(0xff); at >= 0; at = bytes.indexOf(0xff, at + 1)) {
    if (bytes[at + 1] === 0xda && ++scans > MAX_SCANS) return undefined;
  }
  const { decode } = (await import("jpeg-js")).default;
  const limits = { maxResolutionInMP: MAX_PIXELS / 1e6, maxMemoryUsageInMB: MAX_MEGABYTES };
  return upright(decode(bytes, { useTArray: true, ...limits }), orientationOf(bytes));
}

async function fromPng(bytes: Uint8Array): Promise<Picture | undefined> {
  const header = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (header.getUint32(16) * header.getUint32(20) > MAX_PIXELS) return undefined;
  // the library bounds what the pixels of others inflate to
  const isInterlaced = header.getUint8(28) !== 0;
  if (isInterlaced) return undefined;
  const [{ default: { PNG } }, { Buffer }] = await Promise.all([import("pngjs"), import("node:buffer")]);
  return PNG.sync.read(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
}

async function fromGif(bytes: Uint8Array): Promise<Picture | undefined> {
  const { GifReader } = (await import("omggif")).default;
  const reader = new GifReader(bytes);
  const frame = reader.frameInfo(0);
  const { width, height }: Picture = reader;
  if (Math.max(width, frame.x + frame.width) * Math.max(height, frame.y + frame.height) > MAX_PIXELS) {
    return undefined;
  }
  const data = new Uint8Array(4 * width * height);
  reader.decodeAndBlitFrameRGBA(0, data);
  return { width, height, data };
}
