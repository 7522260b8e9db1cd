/**
 * The job for GitHub Actions that docs/testing.md shows, done step by step: in a network of its own, so that the usual
 * ports are free, and in a folder with nothing but a test of the examples.
 */

import { assertEquals, assertMatch, assertNotEquals, assertStringIncludes } from "@std/assert";
import { parse } from "yaml";
import { shownBlock } from "../install/home.ts";
import { testIf } from "./support/post_office.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const VENV = "/opt/dinopost-interop/venv/bin";

interface Step {
  readonly uses?: string;
  readonly run?: string;
}

/** A runner of that service, as far as the job needs one. */
class Runner implements AsyncDisposable {
  /** What is in the path of commands before the system's. */
  readonly #path: string[] = [];
  readonly #lines: string[] = [];

  private constructor(readonly dir: string, readonly work: string) {}

  static async make(): Promise<Runner> {
    const dir = await Deno.makeTempDir({ prefix: "dinopost_ci_" });
    await Deno.mkdir(`${dir}/work`);
    return new Runner(dir, `${dir}/work`);
  }

  async add({ uses, run }: Step): Promise<void> {
    const action = uses?.replace(/@v\d+$/, "");
    if (run !== undefined) this.#lines.push(run.replaceAll("/tmp/", `${this.dir}/`));
    else if (action === "actions/checkout") {
      for (const file of ["dinopost.py", "test_password_reset.py"]) {
        await Deno.copyFile(`${ROOT}fixtures/examples/python/${file}`, `${this.work}/${file}`);
      }
    } else if (action === "actions/setup-python") this.#path.push(VENV);
    else if (action === "denoland/setup-deno") {
      await Deno.mkdir(`${this.dir}/bin`);
      await Deno.symlink(Deno.execPath(), `${this.dir}/bin/deno`);
      this.#path.push(`${this.dir}/bin`);
    } else throw new Error(`what is ${uses}?`);
  }

  /** Runs the steps, each in a shell of its own as the service does; what they leave running ends with the job. */
  async run(): Promise<{ code: number; said: string }> {
    const shells = this.#lines.map((line) => `bash -e -c '${line.replaceAll("'", `'\\''`)}' || exit`);
    const { code, stdout, stderr } = await new Deno.Command("unshare", {
      args: [
        "--net",
        "--pid",
        "--fork",
        "--kill-child",
        "bash",
        "-c",
        ["ip link set lo up", ...shells].join("\n"),
      ],
      cwd: this.work,
      clearEnv: true,
      env: {
        PATH: [...this.#path, "/usr/local/bin:/usr/bin:/bin:/usr/sbin"].join(":"),
        HOME: this.dir,
        DENO_DIR: await denoDir(), // the network is not there: what would be fetched is
        CI: "true",
        GITHUB_ACTIONS: "true",
        GIT_CONFIG_COUNT: "2",
        GIT_CONFIG_KEY_0: `url.${ROOT}.insteadOf`,
        GIT_CONFIG_VALUE_0: "https://example.org/dinopost",
        GIT_CONFIG_KEY_1: "safe.directory",
        GIT_CONFIG_VALUE_1: "*",
      },
      signal: AbortSignal.timeout(100_000),
    }).output();
    const decoder = new TextDecoder();
    return { code, said: decoder.decode(stdout) + decoder.decode(stderr) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.dir, { recursive: true });
  }
}

async function denoDir(): Promise<string> {
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"], cwd: "/" }).output();
  return JSON.parse(new TextDecoder().decode(stdout)).denoDir;
}

async function runnerOf(page: string): Promise<Runner> {
  const job = parse(await shownBlock("yaml", "runs-on", page)).jobs.test;
  const runner = await Runner.make();
  for (const step of job.steps as Step[]) await runner.add(step);
  return runner;
}

testIf(
  ["unshare", "git", "curl", `${VENV}/pytest`],
  "the job for GitHub Actions passes as it is shown",
  async () => {
    await using runner = await runnerOf("docs/testing.md");
    const { code, said } = await runner.run();
    assertEquals(code, 0, said);
    assertMatch(said, /3 passed/);
    assertStringIncludes(await Deno.readTextFile(`${runner.work}/report.xml`), 'errors="0" failures="0"');
  },
);

testIf(
  ["unshare", "git", "curl", `${VENV}/pytest`],
  "the job for GitHub Actions fails with a wait, and says what came",
  async () => {
    await using runner = await runnerOf("docs/testing.md");
    const file = `${runner.work}/test_password_reset.py`;
    const text = await Deno.readTextFile(file);
    const wrong = text.replace('subject="Reset", timeout="10s"', 'subject="Welcome", timeout="50ms"');
    assertNotEquals(wrong, text);
    await Deno.writeTextFile(file, wrong);
    const { code, said } = await runner.run();
    assertEquals(code, 1, said);
    assertMatch(said, /^::error title=Mail::No message that fits /m);
    const report = await Deno.readTextFile(`${runner.work}/report.xml`);
    assertStringIncludes(report, "arrived: 'Reset your password'");
  },
);
