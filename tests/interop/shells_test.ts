import { assertEquals } from "@std/assert";

const MAIN = new URL("../../mod.ts", import.meta.url).pathname;

async function output(program: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(program, { args, env: { NO_COLOR: "1" } }).output();
  const decoder = new TextDecoder();
  assertEquals([code, decoder.decode(stderr)], [0, ""]);
  return decoder.decode(stdout);
}

/** A file with what a command of ours prints. */
async function printed(...args: string[]): Promise<string> {
  const file = await Deno.makeTempFile({ suffix: args.join(".") });
  await Deno.writeTextFile(file, await output(Deno.execPath(), "run", "-A", MAIN, ...args));
  return file;
}

const QUEUE = ["bounce", "delete", "flush", "hold", "list", "release", "retry", "show", "summary"];

Deno.test("bash completes commands, subcommands and options", async () => {
  const script = await printed("completions", "bash");
  const complete = async (...words: string[]) => {
    const said = await output(
      "bash",
      "-c",
      `source ${script}; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _dinopost; printf '%s\\n' "\${COMPREPLY[@]}"`,
      "bash",
      ...words,
    );
    return said.split("\n").filter((line) => line !== "");
  };
  assertEquals((await complete("dinopost", "se")).sort(), ["send", "serve"]);
  const queue = await complete("dinopost", "queue", "");
  assertEquals(QUEUE.filter((name) => !queue.includes(name)), []);
  assertEquals(await complete("dinopost", "queue", "list", "--sen"), ["--sender"]);
  assertEquals(await complete("dinopost", "serve", "--config", ""), [], "a file, which bash finds itself");
  await Deno.remove(script);
});

Deno.test("zsh completes commands, subcommands and options", async () => {
  const script = await printed("completions", "zsh");
  const complete = async (...words: string[]) => {
    const said = await output(
      "zsh",
      "-fc",
      `compdef() {}; _files() { print FILES; }; _describe() { print -l -- "\${(@P)2}"; }
       source ${script}; words=("$@"); CURRENT=$#; _dinopost`,
      "zsh",
      ...words,
    );
    return said.split("\n").map((line) => line.split(":")[0]!).filter((line) => line !== "");
  };
  const queue = await complete("dinopost", "queue", "");
  assertEquals(QUEUE.filter((name) => !queue.includes(name)), []);
  assertEquals((await complete("dinopost", "queue", "list", "-")).includes("--sender"), true);
  assertEquals(await complete("dinopost", "serve", "--config", ""), ["FILES"]);
  await Deno.remove(script);
});

Deno.test("fish completes commands, subcommands and options", async () => {
  const script = await printed("completions", "fish");
  const complete = async (line: string) => {
    const said = await output("fish", "--no-config", "-c", `source ${script}; complete -C '${line}'`);
    return said.split("\n").map((one) => one.split("\t")[0]!).filter((one) => one !== "");
  };
  const queue = await complete("dinopost queue ");
  assertEquals(QUEUE.filter((name) => !queue.includes(name)), []);
  assertEquals(await complete("dinopost queue list --sen"), ["--sender"]);
  await Deno.remove(script);
});

Deno.test("the manual page has no error that mandoc finds", async () => {
  const page = await printed("man");
  assertEquals(await output("mandoc", "-T", "lint", "-W", "error", page), "");
  // deno-lint-ignore no-control-regex -- a letter struck twice is bold
  const text = (await output("mandoc", "-T", "ascii", page)).replaceAll(/.\u{8}/gu, "");
  for (const words of ["dinopost queue list", "--sender", "EXIT STATUS"]) {
    assertEquals(text.includes(words), true);
  }
  await Deno.remove(page);
});
