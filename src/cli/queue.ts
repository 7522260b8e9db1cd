/** The command `queue`: the queue of a running server, shown and operated. */

import { type Command, Option } from "commander";
import { withApi } from "./api_client.ts";
import { withExamples } from "./command_tree.ts";
import { actOnMany, flushQueue } from "./queue_act.ts";
import { exportQueue, importQueue } from "./queue_move.ts";
import { resumeDomain, showDomains, showRoute, suspendDomain } from "./queue_domains.ts";
import { listQueue, MAX_LIMIT, showItem, summarize } from "./queue_list.ts";

/** What is done to messages. */
const ACTIONS: readonly { name: string; description: string }[] = [
  { name: "retry", description: "try messages now, and tell what came of it" },
  { name: "hold", description: "keep messages back until they are released" },
  { name: "release", description: "let held messages go on" },
  { name: "bounce", description: "give messages up and notify their senders" },
  { name: "delete", description: "take messages out; nobody is notified" },
];

/** Adds the command with its subcommands. */
export function addQueue(program: Command): void {
  const queue = program.command("queue").helpCommand(false).description(
    "look at the queue of a running server and operate it",
  );
  withExamples(queue, "dinopost queue list", "dinopost queue show 01HXYZ…", "dinopost queue retry 01HXYZ…");
  addViews(queue);
  for (const { name, description } of ACTIONS) {
    const command = withFilters(sub(queue, `${name} [ids...]`, description))
      .option("--all", "all of the queue")
      .option("--dry-run", "only count them; nothing changes");
    withExamples(
      command,
      `dinopost queue ${name} 01HXYZ…`,
      `dinopost queue ${name} --sender spam@example.org --dry-run`,
      `dinopost queue ${name} - < ids`,
    ).action((ids: string[], options) => actOnMany(name, ids, options));
  }
  const flush = sub(queue, "flush", "try all waiting messages now, and tell what came of it")
    .option("--domain <domain>", "only those for this domain");
  withExamples(flush, "dinopost queue flush --domain example.org").action(flushQueue);
  addDestinations(queue);
  addMoves(queue);
}

function addViews(queue: Command): void {
  const list = withFilters(sub(queue, "list", "list messages, oldest first"))
    .option("--limit <count>", `at most so many, up to ${MAX_LIMIT}`, "100")
    .option("--cursor <cursor>", "go on behind an earlier list")
    .option("--all", "all that fit; with --json one object a line");
  withExamples(
    list,
    "dinopost queue list --state deferred",
    "dinopost queue list --domain example.org --json",
  ).action(listQueue);
  const show = sub(queue, "show <id>", "show a message with all attempts");
  withExamples(show, "dinopost queue show 01HXYZ…").action(showItem);
  const summary = sub(queue, "summary", "count the messages by state and by domain");
  withExamples(summary, "dinopost queue summary").action(summarize);
}

function addDestinations(queue: Command): void {
  const domains = sub(queue, "domains", "list the destinations: what waits for each, and why");
  withExamples(domains, "dinopost queue domains").action(showDomains);
  const route = sub(queue, "route <domain>", "show the route that mail for a domain would take now, and why");
  withExamples(route, "dinopost queue route example.org").action(showRoute);
  const suspend = sub(queue, "suspend <domain>", "deliver nothing to a domain for now; its messages wait")
    .option("--until <time>", "ends by itself then: an ISO time, or from now on, such as 2h")
    .option("--reason <text>", "why, for people");
  withExamples(suspend, "dinopost queue suspend example.org --until 2h").action(suspendDomain);
  const resume = sub(queue, "resume <domain>", "deliver to a domain again");
  withExamples(resume, "dinopost queue resume example.org").action(resumeDomain);
}

function addMoves(queue: Command): void {
  const out = withFilters(withApi(queue.command("export [ids...]")))
    .description("write what waits for another server to take it over; it is held here")
    .option("-o, --output <file>", "into this file instead of stdout");
  withExamples(
    out,
    "dinopost queue export -o queue.dinopost",
    "dinopost queue export --domain example.org | ssh other dinopost queue import -",
  ).action(exportQueue);
  const into = sub(queue, "import <file>", "take over what another server exported (- for stdin)");
  withExamples(into, "dinopost queue import queue.dinopost").action(importQueue);
}

function sub(queue: Command, usage: string, description: string): Command {
  return withApi(queue.command(usage)).description(description).option("--json", "print JSON, for scripts");
}

function withFilters(command: Command): Command {
  return command
    .addOption(new Option("--state <state>", "only in this state").choices(["queued", "deferred", "held"]))
    .option("--domain <domain>", "only with a recipient in this domain")
    .option("--sender <address>", 'only from this sender ("<>": reports)')
    .option("--recipient <address>", "only to this recipient")
    .option("--error <text>", "only with this text in the last answer")
    .option("--subject <text>", "only with this text in the subject")
    .option("--older-than <age>", "only those that came so long ago, such as 2h");
}
