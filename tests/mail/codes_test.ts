import { assert, assertEquals } from "@std/assert";
import { codesOf } from "../../src/mail/codes.ts";
import { cpuMs } from "../support/cpu_time.ts";

Deno.test("codesOf() finds codes in the forms that are in use", async (t) => {
  const texts: [string, string[]][] = [
    ["G-482913 is your verification code. Your code:8675309", ["G-482913", "8675309"]],
    ["FB-12345 is your confirmation code", ["FB-12345"]],
    ["code=482913 or PIN#0042", ["482913", "0042"]],
    ["Your code is: ab12cd", ["ab12cd"]],
    ["Your code: 4 8 2 9 1 3", ["482913"]],
    ["Your code is 123 456", ["123 456"]],
    ["Your code is 123 456 789", ["123 456 789"]],
    ["Your code is 123-456-789", ["123-456-789"]],
    ["Your code is 482913 10 minutes long", ["482913"]],
    ["Recovery codes: AB12-CD34-EF56-GH78-IJ90", ["AB12-CD34-EF56-GH78-IJ90"]],
    ["PIN 2026", ["2026"]],
    ["验证码：482913", ["482913"]],
    // dates
    ["Your code is 482913. January 31, 2026", ["482913"]],
    ["Your code 482913 of 31 Jan 2026, © 2026 x", ["482913"]],
    ["The code of 2026-01-31, 31.01.2026 or 31/01/2026", []],
    ["The code of 20260131 or JAN-2026", []],
    // parts of something else
    ["The code is not 12345 678", []],
    ["The code is not in 1,234,5678 or 1.234.5678", []],
    ["Your code costs $1234 or 1234 € or € 1234", []],
    ["Ask for a code at +49 30 1234567 or (030) 1234567", []],
    ["The code of ABC-123456-X", []],
    ["code at host:8080 or [::1]:2525", []],
    ["RFC-5322 ", []],
  ];
  for (const [text, codes] of texts) {
    await t.step(text.slice(0, 50), () => assertEquals(codesOf("x", text, null), codes));
  }
});

Deno.test("codesOf() reads HTML as people see it", async (t) => {
  const boxes = "482913".split("").map((d) => `<span class="d4321">${d}</span>`).join("");
  const texts: [string, string[]][] = [
    [`<p>Your code</p><p>${boxes}</p>`, ["482913"]],
    ["<p>Your code</p><b>482</b><b>913</b>", ["482913"]],
    ["Your code <table><tr>\n<td>4</td>\n<td>8</td> <td>2</td><td>9</td></tr></table>", ["4829"]],
    ["<p>Your code</p><p>482913</p><p>20 minutes</p>", ["482913"]],
    ["<style>a{width:1234px}</style><!-- 5678 --><p>Code <b>5&#53;55</b></p>", ["5555"]],
    ['<p title="1234">Your code</p>', []],
  ];
  for (const [html, codes] of texts) {
    await t.step(html.slice(0, 50), () => assertEquals(codesOf("x", null, html), codes));
  }
  assertEquals(codesOf("G-482913", null, null), ["G-482913"]);
  assertEquals(codesOf("x", "Look at the HTML", "<p>Your code: 482913</p>"), ["482913"]);
});

Deno.test("codesOf() takes little time over what was made to take much", async () => {
  const ms = await cpuMs(() => {
    for (const hostile of ["1 ", "A1-", "12 34 ", "code", "code:", "A", "1"]) {
      codesOf("code", hostile.repeat(50_000), null);
    }
  });
  assert(ms < 5_000, `${ms} ms`);
});
