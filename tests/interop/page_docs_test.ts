/** The API's documentation in Chromium: a call is made from it, and the page is for everybody with its forms open. */

import axe from "axe-core";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { testIf } from "./support/post_office.ts";
import { BRAIN, CHROMIUM, Desk } from "./support/desk.ts";

for (const colorScheme of ["light", "dark"] as const) {
  testIf([CHROMIUM], `a call is tried from /docs, ${colorScheme}`, async () => {
    await using desk = await Desk.open();
    const page = await desk.visitor("/docs", { colorScheme, viewport: { width: 400, height: 800 } });
    const call = page.locator('details[data-method="get"][data-path="/api/v1/accounts/{address}"]');
    await call.locator("summary").click();
    await call.getByLabel("address (path)").fill(BRAIN);
    await call.getByRole("button", { name: "Try it" }).click();
    const said = call.locator(".said");
    await said.filter({ hasText: "quota" }).waitFor();
    const text = await said.textContent() ?? "";
    assertStringIncludes(text, "200 application/json");
    assertStringIncludes(text, `"address": "${BRAIN}"`);

    const body = page.locator('details[data-method="put"][data-path="/api/v1/aliases/{address}"]');
    await body.locator("summary").click();
    assertStringIncludes(await body.locator("textarea").inputValue(), '"targets"');

    await page.evaluate(axe.source);
    const { violations } = await page.evaluate("axe.run({ iframes: false })") as axe.AxeResults;
    assertEquals(violations.map(({ id, nodes }) => `${id} ${nodes[0]?.target}`), []);
    const isWide = await page.evaluate("document.documentElement.scrollWidth > innerWidth");
    assert(!isWide, "the page is wider than a phone");
    await page.getByRole("link", { name: "Back to the page" }).click();
    await page.getByRole("heading", { level: 1 }).waitFor();
  });
}
