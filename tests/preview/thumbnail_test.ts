import { Buffer } from "node:buffer";
import { assert, assertEquals } from "@std/assert";
import jpeg from "jpeg-js";
import omggif from "omggif";
import pngjs from "pngjs";
import { concat } from "../../src/base/bytes.ts";
import { thumbnail } from "../../src/preview/thumbnail.ts";

type Colour = readonly [red: number, green: number, blue: number, cover: number];

const RED: Colour = [255, 0, 0, 255];
const BLUE: Colour = [0, 0, 255, 255];
const CLEAR: Colour = [0, 0, 0, 0];

/** A picture, by the colour of each place. */
function pixels(width: number, height: number, at: (x: number, y: number) => Colour) {
  const data = Buffer.alloc(4 * width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) data.set(at(x, y), 4 * (y * width + x));
  }
  return { width, height, data };
}

function png({ width, height, data }: ReturnType<typeof pixels>, options = {}): Uint8Array {
  const png = new pngjs.PNG({ width, height });
  png.data = data;
  return pngjs.PNG.sync.write(png, options);
}

/** The colours at some places of the small picture, white as "w", red as "r", blue as "b". */
async function seen(
  bytes: Uint8Array,
  ...places: readonly (readonly [x: number, y: number])[]
): Promise<string> {
  const small = jpeg.decode(await thumbnail(bytes), { useTArray: true });
  assertEquals([small.width, small.height], [180, 120]);
  return places.map(([x, y]) => {
    const at = 4 * (y * 180 + x);
    const [red = 0, green = 0, blue = 0] = small.data.slice(at, at + 3);
    if (green > 200) return "w";
    return red > 200 && blue < 60 ? "r" : blue > 200 && red < 60 ? "b" : `(${red},${green},${blue})`;
  }).join("");
}

const EVERYWHERE = [[2, 2], [90, 60], [177, 117]] as const;

Deno.test("A large picture fills the small one, and loses what hangs over", async () => {
  // three parts beside each other; the middle one is left
  const wide = pixels(720, 160, (x) => x < 235 || x >= 485 ? BLUE : RED);
  assertEquals(await seen(png(wide), ...EVERYWHERE), "rrr");
  assertEquals(await seen(jpeg.encode(wide, 90).data, ...EVERYWHERE), "rrr");
  const halves = pixels(360, 240, (x) => x < 180 ? RED : BLUE);
  assertEquals(await seen(png(halves), [2, 60], [85, 60], [95, 60], [177, 60]), "rrbb");
});

Deno.test("A picture that is smaller in one direction is shown whole, on white, and never made larger", async () => {
  const icon = pixels(20, 10, () => RED);
  assertEquals(await seen(png(icon), [90, 60], [84, 60], [90, 52], [74, 60], [90, 70]), "rrwww");
  const bar = pixels(1800, 40, () => BLUE);
  assertEquals(await seen(png(bar), [2, 60], [177, 60], [90, 55], [90, 65]), "bbww");
  const pillar = pixels(1, 5000, () => BLUE);
  assertEquals(await seen(png(pillar), [89, 2], [89, 117], [60, 60]).then((all) => all.at(-1)), "w");
});

Deno.test("What can be seen through shows white", async () => {
  const hole = pixels(360, 240, (x, y) => x > 100 && x < 260 && y > 60 && y < 180 ? CLEAR : RED);
  assertEquals(await seen(png(hole), ...EVERYWHERE), "rwr");
});

Deno.test("Of a GIF the first frame is shown", async () => {
  const buffer = new Uint8Array(1 << 20);
  const writer = new omggif.GifWriter(buffer, 200, 150, { palette: [0xff0000, 0x0000ff], loop: 0 });
  writer.addFrame(0, 0, 200, 150, new Uint8Array(200 * 150).fill(0));
  writer.addFrame(0, 0, 200, 150, new Uint8Array(200 * 150).fill(1));
  assertEquals(await seen(buffer.slice(0, writer.end()), ...EVERYWHERE), "rrr");
});

Deno.test("A photograph is shown the way it was held", async () => {
  // the red corner of the scene is at the top left, wherever the camera has put it
  const corners: Record<number, [right: boolean, bottom: boolean]> = {
    1: [false, false],
    2: [true, false],
    3: [true, true],
    4: [false, true],
    5: [false, false],
    6: [false, true],
    7: [true, true],
    8: [true, false],
  };
  for (const [orientation, [right, bottom]] of Object.entries(corners)) {
    const photo = pixels(400, 400, (x, y) => (x >= 200) === right && (y >= 200) === bottom ? RED : BLUE);
    const { data } = jpeg.encode(photo, 90);
    // one entry of one directory, in the order of octets of either kind
    for (
      const tiff of [
        [0x49, 0x49, 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, Number(orientation), 0, 0, 0],
        [0x4d, 0x4d, 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, Number(orientation), 0, 0],
      ]
    ) {
      const exif = [0xff, 0xe1, 0, 8 + tiff.length, 0x45, 0x78, 0x69, 0x66, 0, 0, ...tiff];
      const bytes = concat([data.subarray(0, 2), new Uint8Array(exif), data.subarray(2)]);
      assertEquals([orientation, await seen(bytes, [5, 5], [175, 5], [5, 115], [175, 115])], [
        orientation,
        "rbbb",
      ]);
    }
  }
});

Deno.test("What is no picture, is broken or too large stands as a white one", async () => {
  const good = png(pixels(300, 200, () => RED));
  const huge = good.slice();
  new DataView(huge.buffer).setUint32(16, 60_000);
  const photo = jpeg.encode(pixels(300, 200, () => RED), 90).data;
  const scans = concat([photo.subarray(0, -2), ...Array(40).fill(new Uint8Array([0xff, 0xda, 0, 2]))]);
  const gif = new Uint8Array([0x47, 0x49, 0x46, 0x38, 0x39, 0x61, 255, 255, 255, 255, 0, 0, 0, 0x3b]);
  for (
    const [what, bytes] of Object.entries({
      nothing: new Uint8Array(0),
      text: new TextEncoder().encode("%PDF-1.4 no picture"),
      "a beginning": good.slice(0, 40),
      "half of it": good.slice(0, good.length - 30),
      "a beginning of a JPEG": photo.slice(0, 30),
      "more pixels than we look at": huge,
      "more scans than programs write": scans,
      "a GIF of many pixels without a frame": gif,
      "too many octets": concat([good, new Uint8Array(16 * 1024 * 1024)]),
    })
  ) {
    assertEquals([what, await seen(bytes, ...EVERYWHERE)], [what, "www"]);
  }
  assert((await thumbnail(good)).length < 5000);
});
