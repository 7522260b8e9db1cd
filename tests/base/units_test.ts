import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { formatCount, formatDuration, formatSize, parseDuration, parseSize } from "../../src/base/units.ts";

Deno.test("parseDuration() reads what people write", () => {
  const table: [string | number, number | undefined][] = [
    // units
    ["250ms", 250],
    ["30s", 30_000],
    ["15m", 900_000],
    ["4h", 14_400_000],
    ["5d", 432_000_000],
    ["0s", 0],
    ["1.5h", 5_400_000],
    // several units, from the longest to the shortest
    ["1h30m", 5_400_000],
    ["1m250ms", 60_250],
    ["1d2h3m4s5ms", 93_784_005],
    ["30m1h", undefined],
    ["1m1m", undefined],
    // milliseconds
    [0, 0],
    [900_000, 900_000],
    [" 15m ", 900_000],
    // what is none
    ["", undefined],
    ["soon", undefined],
    ["15", undefined],
    ["900000", undefined],
    ["15 m", undefined],
    ["m", undefined],
    [".s", undefined],
    ["1.2.3s", undefined],
    ["-5m", undefined],
    ["5w", undefined],
    ["5M", undefined],
    ["5mms", undefined],
    [-1, undefined],
    [NaN, undefined],
    [Infinity, undefined],
    ["99999999999999999999d", undefined],
  ];
  for (const [value, want] of table) assertEquals(parseDuration(value), want, JSON.stringify(value));
});

Deno.test("parseSize() reads what people write", () => {
  const table: [string | number, number | undefined][] = [
    // powers of 1024
    ["25MiB", 26_214_400],
    ["1GiB", 1_073_741_824],
    ["1.5KiB", 1536],
    ["2TiB", 2_199_023_255_552],
    // powers of 1000
    ["10KB", 10_000],
    ["1 MB", 1_000_000],
    ["512B", 512],
    ["1gib", 1_073_741_824],
    // bytes
    [0, 0],
    [4096, 4096],
    ["4096", 4096],
    // what is none
    ["", undefined],
    ["big", undefined],
    ["10K", undefined],
    ["MiB", undefined],
    ["-1B", undefined],
    [-1, undefined],
    [NaN, undefined],
    ["9999999TiB", undefined],
  ];
  for (const [value, want] of table) assertEquals(parseSize(value), want, JSON.stringify(value));
});

Deno.test("formatDuration() writes what parseDuration() reads back", () => {
  fc.assert(fc.property(fc.nat(2 ** 31 - 1), (ms) => parseDuration(formatDuration(ms)) === ms));
});

Deno.test("formatDuration() and formatSize() write for people", () => {
  assertEquals([0, 1, 900_000, 5_400_000, 432_000_000].map(formatDuration), [
    "0s",
    "1ms",
    "15m",
    "1h30m",
    "5d",
  ]);
  assertEquals([0, 512, 1536, 52_428_800, 2 ** 40].map(formatSize), [
    "0B",
    "512B",
    "1.5KiB",
    "50MiB",
    "1TiB",
  ]);
});

Deno.test("property: formatCount() writes whole numbers as Intl does", () => {
  const intl = new Intl.NumberFormat("en");
  fc.assert(fc.property(fc.maxSafeInteger(), (value) => formatCount(value) === intl.format(value)));
  assertEquals([0, 7, 999, 1000, 12_345, 1_234_567, -1, -1000].map(formatCount), [
    "0",
    "7",
    "999",
    "1,000",
    "12,345",
    "1,234,567",
    "-1",
    "-1,000",
  ]);
});
