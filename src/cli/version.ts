/** The command `version`: which dinopost this is, and on what it runs. */

import type { Command } from "commander";
import about from "../../deno.json" with { type: "json" };
import { withExamples } from "./command_tree.ts";
import { print } from "./output.ts";

/** The version of dinopost. */
export const VERSION: string = about.version;

/** Adds the command. */
export function addVersion(program: Command): void {
  const command = program.command("version").description(
    "print the version of dinopost and of what it runs on",
  );
  withExamples(command, "dinopost version").action(() => {
    const { deno, v8, typescript } = Deno.version;
    print(`dinopost ${VERSION} (Deno ${deno}, V8 ${v8}, TypeScript ${typescript}, ${Deno.build.target})`);
  });
}
