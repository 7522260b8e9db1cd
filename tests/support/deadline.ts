/**
 * A deadline for every test that sets none itself: a test that hangs has failed, under its name, and the others go on.
 * Loaded by `--preload` before each file of tests. `TEST_DEADLINE_MS` sets another one.
 */

const DEADLINE_MS = Number(Deno.env.get("TEST_DEADLINE_MS") ?? 120_000);

/** Where Deno's own runner of `node:test` notes what place a test is reported with. */
const LOCATION = Symbol.for("Deno.test.location");

type Fn = Deno.TestDefinition["fn"];
type Options = Partial<Deno.TestDefinition>;

/** The three ways of `Deno.test` to be called, as one. */
function definition(first: string | Fn | Options, second?: Options | Fn, third?: Fn): Deno.TestDefinition {
  const fn = [first, second, third].find((part) => typeof part === "function");
  const options = [first, second].find((part) => typeof part === "object");
  const name = typeof first === "string" ? first : options?.name ?? (fn ?? options?.fn)?.name;
  return { ...options, name, fn: fn ?? options?.fn } as Deno.TestDefinition;
}

function withDeadline(register: (test: Deno.TestDefinition) => void) {
  return (...given: Parameters<typeof definition>): void => {
    const { fn, ...test } = definition(...given);
    // the place of the test, or all would be reported as of this file
    const place = /\(?(\S+:\d+:\d+)\)?$/.exec(new Error().stack?.split("\n")[2] ?? "")?.[1];
    register({
      timeout: DEADLINE_MS,
      ...test,
      fn: Object.assign((t: Deno.TestContext) => fn(t), { [LOCATION]: place }),
    });
  };
}

const { test } = Deno;
Object.defineProperty(Deno, "test", {
  value: Object.assign(withDeadline(test), test, {
    only: withDeadline(test.only),
    ignore: withDeadline(test.ignore),
  }),
});
