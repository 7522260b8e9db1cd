/** Pictures as pixels, and which way is up: Exif's orientation of a JPEG, and pictures turned by it. */

import { decode } from "../base/bytes.ts";

/** Four octets for each pixel: red, green, blue, and how much hides what is behind. Row by row from the top. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

const APP1 = 0xe1;
const START_OF_SCAN = 0xda;
const ORIENTATION = 0x0112;
const SHORT = 3;

/** Which way is up, 1 to 8 (Exif 2.32, 4.6.4 A); 1: as it is, or nothing is said. */
export function orientationOf(jpeg: Uint8Array): number {
  const view = new DataView(jpeg.buffer, jpeg.byteOffset, jpeg.length);
  for (let at = 2; at + 4 <= jpeg.length && jpeg[at] === 0xff && jpeg[at + 1] !== START_OF_SCAN;) {
    const end = at + 2 + view.getUint16(at + 2);
    if (end > jpeg.length) break;
    const isExif = jpeg[at + 1] === APP1 && decode(jpeg.subarray(at + 4, at + 10)) === "Exif\0\0";
    if (isExif) return orientationIn(jpeg.subarray(at + 10, end));
    at = end;
  }
  return 1;
}

/** In the first directory of what is built as a TIFF file. */
function orientationIn(tiff: Uint8Array): number {
  const view = new DataView(tiff.buffer, tiff.byteOffset, tiff.length);
  const little = tiff[0] === 0x49;
  try {
    const directory = view.getUint32(4, little);
    const count = view.getUint16(directory, little);
    for (let i = 0; i < count; i++) {
      const entry = directory + 2 + 12 * i;
      if (view.getUint16(entry, little) !== ORIENTATION) continue;
      const value = view.getUint16(entry + 2, little) === SHORT ? view.getUint16(entry + 8, little) : 1;
      return value >= 1 && value <= 8 ? value : 1;
    }
  } catch (error) {
    // it says that it goes on behind its end
    if (!(error instanceof RangeError)) throw error;
  }
  return 1;
}

/** The picture as it was seen. */
export function upright({ width, height, data }: Picture, orientation: number): Picture {
  if (orientation === 1) return { width, height, data };
  const lies = orientation >= 5;
  const [fromRight, fromBottom] = [[2, 3, 7, 8].includes(orientation), [3, 4, 6, 7].includes(orientation)];
  const turned = { width: lies ? height : width, height: lies ? width : height };
  const from = new Uint32Array(data.slice().buffer);
  const to = new Uint32Array(from.length);
  for (let y = 0; y < turned.height; y++) {
    for (let x = 0; x < turned.width; x++) {
      const [column, row] = lies ? [y, x] : [x, y];
      const source = (fromBottom ? height - 1 - row : row) * width +
        (fromRight ? width - 1 - column : column);
      to[y * turned.width + x] = from[source]!;
    }
  }
  return { ...turned, data: new Uint8Array(to.buffer) };
}
