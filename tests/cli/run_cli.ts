/** The command line as a process of its own, away from the environment of the tests. */

/** How a command ended. */
export interface CliResult {
  /** Exit code. */
  code: number;
  /** What it said. */
  out: string;
  /** What it complained of. */
  err: string;
}

/** How a command is run. */
export interface CliOptions {
  /** Given on stdin. */
  stdin?: string | Uint8Array<ArrayBuffer>;
  /** Beside what a process needs. */
  env?: Record<string, string>;
  /** Default: a directory without a configuration. */
  cwd?: string;
  /** Instead of mod.ts. */
  script?: string;
}

const ROOT = new URL("../../", import.meta.url);

/** The command that runs `args`; its three streams are pipes. */
export function cliCommand(args: string[], options: CliOptions = {}): Deno.Command {
  const script = new URL(options.script ?? "mod.ts", ROOT).pathname;
  const env: Record<string, string> = { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1", ...options.env };
  for (const name of ["PATH", "HOME", "DENO_DIR"]) {
    const value = Deno.env.get(name);
    if (value !== undefined) env[name] = value;
  }
  return new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--quiet",
      "--no-prompt",
      "--config",
      new URL("deno.json", ROOT).pathname,
      script,
      ...args,
    ],
    cwd: options.cwd ?? new URL("tests/cli/", ROOT).pathname,
    clearEnv: true,
    env,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  });
}

/** Runs a command to its end. */
export async function runCli(args: string[], options: CliOptions = {}): Promise<CliResult> {
  const child = cliCommand(args, options).spawn();
  const writer = child.stdin.getWriter();
  try {
    const { stdin = "" } = options;
    await writer.write(typeof stdin === "string" ? new TextEncoder().encode(stdin) : stdin);
    await writer.close();
  } catch {
    // it ended without reading
  }
  const { code, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}
