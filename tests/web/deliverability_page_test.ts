import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Surface, TOKEN } from "../api/harness.ts";

const names = {
  "mail.example.org": { a: ["192.0.2.10"] },
  "192.0.2.10": { ptr: ["mail.example.org"] },
  "example.org": { mx: [[10, "mail.example.org"]] as [number, string][], txt: ["v=spf1 -all"] },
};
const config = { dkim: { sign: false }, domains: ["example.org", "localhost"] };

async function page(surface: Surface): Promise<{ status: number; text: string }> {
  const headers = { authorization: `Bearer ${TOKEN}`, accept: "text/html" };
  const answer = await surface.fetch("/deliverability", { headers });
  return { status: answer.status, text: await answer.text() };
}

Deno.test("API and page tell of each record what the DNS says, and what would be right", async () => {
  await using surface = await Surface.start({ names, config });
  const { items } = await surface.json("GET", "/domains/Example.org/records");
  assertEquals(
    items.map(({ purpose, name, state }: Record<string, string>) => `${purpose} ${name} ${state}`),
    [
      "Address mail.example.org right",
      "PTR 192.0.2.10 right",
      "MX example.org right",
      "SPF example.org wrong",
      "DMARC _dmarc.example.org wrong",
      "MTA-STS _mta-sts.example.org wrong",
      "MTA-STS mta-sts.example.org wrong",
      "TLS-RPT _smtp._tls.example.org wrong",
    ],
  );
  const [, , mx, spf] = items;
  assertEquals([mx!["text"], mx!["mend"]], ["10 mail.example.org", null]);
  assertEquals(spf!["text"], "v=spf1 -all is fail for 192.0.2.10 (-all)");
  assertEquals(spf!["mend"], 'publish example.org. 3600 IN TXT "v=spf1 mx ~all"');

  const { status, text } = await page(surface);
  assertEquals(status, 200);
  assertStringIncludes(text, "5 records of 8 in the DNS are wrong.");
  assertStringIncludes(text, "<h2>example.org</h2>");
  assert(!text.includes("<h2>localhost</h2>"), "nobody in the world asks for it");
  assertStringIncludes(text, "publish example.org. 3600 IN TXT &quot;v=spf1 mx ~all&quot;");
  assertStringIncludes(text, 'href="/deliverability" data-go="d" aria-current="page"');
});

Deno.test("other domains, and servers that capture, have no records to compare", async () => {
  await using surface = await Surface.start({ names, config });
  const { detail } = await surface.json("GET", "/domains/example.net/records", { status: 404 });
  assertEquals(detail, "example.net is not one of this server's domains");
  await using capturing = await Surface.start({ config: { capture: true } });
  await capturing.json("GET", "/domains/example.org/records", { status: 404 });
  assertEquals((await page(capturing)).status, 404);
});
