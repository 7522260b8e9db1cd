import { assert, assertEquals, assertMatch } from "@std/assert";
import { AcmeFiles } from "../../src/acme/files.ts";
import { CertificateKeeper } from "../../src/acme/keeper.ts";
import { Proofs } from "../../src/acme/proofs.ts";
import { ManualClock } from "../../src/base/manual_clock.ts";
import { seededRandom } from "../../src/base/random.ts";
import { Journal } from "../../src/observe/journal.ts";
import { selfSigned } from "../../src/server/own_certificate.ts";

const DIRECTORY = "https://ca.example/dir";
const NAMES = ["mail.example.org"] as const;
const DAY = 86_400_000;
const NOW = Date.UTC(2026, 10, 30);

/** An authority that answers what `answer` says. */
async function keeping(
  test: (
    world: { clock: ManualClock; files: AcmeFiles; asked: string[]; faults: (string | undefined)[] },
  ) => Promise<void>,
  { answer, prepare }: {
    answer: (path: string) => Response;
    prepare?: (files: AcmeFiles) => Promise<void>;
  },
): Promise<void> {
  const dataDir = await Deno.makeTempDir();
  const clock = new ManualClock(NOW);
  const files = new AcmeFiles(dataDir, DIRECTORY);
  await prepare?.(files);
  const asked: string[] = [];
  const faults: (string | undefined)[] = [];
  const keeper = new CertificateKeeper({
    files,
    directory: DIRECTORY,
    names: NAMES,
    proofs: new Proofs(),
    methods: ["http-01"],
    clock,
    random: seededRandom(1),
    journal: new Journal(),
    onCertificate: () => Promise.resolve(),
    onFault: (text) => void faults.push(text),
    fetch: (input) => {
      const path = new URL(String(input)).pathname;
      asked.push(path);
      return Promise.resolve(answer(path));
    },
  });
  const stop = new AbortController();
  const running = keeper.run(stop.signal);
  try {
    await test({ clock, files, asked, faults });
  } finally {
    stop.abort();
    await running;
    await Deno.remove(dataDir, { recursive: true });
  }
}

/** Until what is under way waits for the clock: a question does so, too, for half a minute. */
async function settled(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve));
}

Deno.test("an authority that fails is left alone for longer and longer, and the fault is told", () =>
  keeping(async ({ clock, asked, faults }) => {
    for (const [i, pauseMs] of [10_000, 60_000, 300_000, 900_000, 3_600_000, 3_600_000].entries()) {
      await settled(() => asked.length === i + 1 && clock.untilNext === pauseMs);
      clock.advance(pauseMs - 1);
      assertEquals(
        [asked.length, faults.length],
        [i + 1, Math.max(0, i - 1)],
        "three are more than a moment's",
      );
      clock.advance(1);
    }
    assertMatch(
      faults[0]!,
      /^ca\.example gives no new TLS certificate: the authority refuses: it answered 503$/,
    );
  }, { answer: () => new Response(null, { status: 503 }) }));

Deno.test("a certificate is left alone until a third of its life is left, whatever its life is", async () => {
  for (const life of [6 * DAY, 30 * DAY]) {
    await keeping(async ({ clock, asked, faults }) => {
      await settled(() => faults.length === 1 && clock.timers > 0);
      assertEquals(faults, [undefined]);
      const orders = () => asked.filter((path) => path === "/order").length;
      const pass = async (hours: number) => {
        for (let hour = 0; hour < hours; hour++) {
          const before = faults.length;
          clock.advance(3600_000);
          await settled(() => faults.length > before && clock.timers > 0);
        }
      };
      const due = Math.floor(life / 3600_000 * 2 / 3);
      await pass(due - 1);
      assertEquals(orders(), 0);
      while (orders() === 0 && clock.now() < NOW + life) {
        const before = faults.length;
        clock.advance(3600_000);
        await settled(() => orders() > 0 || faults.length > before && clock.timers > 0);
      }
      assert(clock.now() <= NOW + (due + 1) * 3600_000);
    }, {
      answer: (path) => {
        const to = (name: string) => `https://ca.example/${name}`;
        const headers = { "replay-nonce": "n", location: to("account") };
        if (path !== "/dir") return new Response("{}", { status: path === "/order" ? 500 : 200, headers });
        return Response.json({ newNonce: to("nonce"), newAccount: to("account"), newOrder: to("order") });
      },
      prepare: async (files) => await files.keep(await selfSigned(NAMES, NOW + 3600_000, life - 3600_000)),
    });
  }
});

const to = (name: string) => `https://ca.example/${name}`;
const HEADERS = { "replay-nonce": "n", location: to("account") };
const directory = () =>
  Response.json({ newNonce: to("nonce"), newAccount: to("account"), newOrder: to("order") });

Deno.test("an authority that knows the account no more is told of it again", () => {
  const type = "urn:ietf:params:acme:error:accountDoesNotExist";
  const unknown = () => Response.json({ type }, { status: 400, headers: HEADERS });
  return keeping(async ({ clock, asked }) => {
    const count = (wanted: string) => asked.filter((path) => path === wanted).length;
    for (const [i, pauseMs] of [10_000, 60_000].entries()) {
      await settled(() => count("/order") === i + 1 && clock.untilNext === pauseMs);
      assertEquals(count("/account"), i + 1);
      clock.advance(pauseMs);
    }
  }, {
    answer: (path) =>
      path === "/dir"
        ? directory()
        : path === "/order"
        ? unknown()
        : new Response("{}", { headers: HEADERS }),
  });
});

Deno.test("an authority that is to be asked again at once is asked after a second", () =>
  keeping(async ({ clock, asked }) => {
    const polls = () => asked.filter((path) => path === "/pending").length;
    for (let i = 1; i < 4; i++) {
      await settled(() => polls() === i && clock.untilNext === 1000);
      clock.advance(999);
      await new Promise((resolve) => setTimeout(resolve));
      assertEquals(polls(), i);
      clock.advance(1);
    }
  }, {
    answer: (path) => {
      const headers = { ...HEADERS, location: to("pending"), "retry-after": "0" };
      return path === "/dir" ? directory() : Response.json({ status: "pending" }, { headers });
    },
  }));
