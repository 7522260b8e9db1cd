/** Small pictures of pictures: 180 by 120, a JPEG, on white. */

import type { Picture } from "./orientation.ts";
import { decodePicture } from "./pictures.ts";

const WIDTH = 180;
const HEIGHT = 120;
/** Percent. */
const QUALITY = 70;

/** A small picture; a white one of what can't be shown. What is smaller is not made larger. */
export async function thumbnail(bytes: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  const picture = await decodePicture(bytes);
  const canvas: Picture = {
    width: WIDTH,
    height: HEIGHT,
    data: new Uint8Array(4 * WIDTH * HEIGHT).fill(255),
  };
  if (picture) draw(picture, canvas);
  const { encode } = (await import("jpeg-js")).default;
  return new Uint8Array(encode(canvas, QUALITY).data);
}

/** What is larger in both directions fills the canvas, and loses its margins; everything else is shown whole. */
function draw(picture: Picture, canvas: Picture): void {
  const ratios = [canvas.width / picture.width, canvas.height / picture.height];
  const covers = Math.max(...ratios) <= 1;
  const scale = covers ? Math.max(...ratios) : Math.min(...ratios, 1);
  const width = Math.max(1, Math.round(picture.width * scale));
  const height = Math.max(1, Math.round(picture.height * scale));
  const left = Math.trunc((canvas.width - width) / 2);
  const top = Math.trunc((canvas.height - height) / 2);
  for (let y = Math.max(0, top); y < Math.min(canvas.height, top + height); y++) {
    const rows = span(y - top, height, picture.height);
    for (let x = Math.max(0, left); x < Math.min(canvas.width, left + width); x++) {
      average(picture, span(x - left, width, picture.width), rows, canvas.data, 4 * (y * canvas.width + x));
    }
  }
}

/** The pixels of `from` that the one at `at` of `to` stands for. */
function span(at: number, to: number, from: number): readonly [start: number, end: number] {
  const start = Math.floor(at * from / to);
  return [start, Math.max(start + 1, Math.floor((at + 1) * from / to))];
}

/** The mean of the pixels in these columns and rows, as far as they hide what is behind them: white. */
function average(
  { data, width }: Picture,
  [x0, x1]: readonly [number, number],
  [y0, y1]: readonly [number, number],
  into: Uint8Array,
  at: number,
): void {
  let [red, green, blue] = [0, 0, 0];
  for (let y = y0; y < y1; y++) {
    for (let i = 4 * (y * width + x0), end = 4 * (y * width + x1); i < end; i += 4) {
      const cover = data[i + 3]!;
      const behind = 255 * (255 - cover);
      red += data[i]! * cover + behind;
      green += data[i + 1]! * cover + behind;
      blue += data[i + 2]! * cover + behind;
    }
  }
  const count = 255 * (x1 - x0) * (y1 - y0);
  into[at] = Math.round(red / count);
  into[at + 1] = Math.round(green / count);
  into[at + 2] = Math.round(blue / count);
}
