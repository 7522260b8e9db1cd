/** The command `demo`: the story of README's first page with real servers, real DNS and a clock it moves. */

import { systemClock } from "../base/clock.ts";
import { systemRandom } from "../base/random.ts";
import { SystemResolver } from "../dns/resolver.ts";
import { Pop3Client } from "../testing/pop3_client.ts";
import { type Host, LoopbackInternet } from "../testing/mod.ts";
import { Stage } from "./demo_stage.ts";
import { PlainMailProgram } from "./demo_mail_program.ts";

const BRAIN = "brain@howstuffworks.com";
const MARSHALL = "marshall@howstuffworks.com";
const JSMITH = "jsmith@mindspring.com";
const NOBODY_HOME = "anna@silent.example";
const PASSWORD = "correct horse";

/** Who plays. */
interface Cast {
  readonly stage: Stage;
  readonly internet: LoopbackInternet;
  readonly howstuffworks: Host;
  readonly mindspring: Host;
}

/** Plays the story; resolves when it went well, rejects with what did not. */
export async function runDemo(write: (text: string) => void = (text) => console.log(text)): Promise<void> {
  const started = systemClock.monotonic();
  const stage = new Stage(write);
  stage.title("How a message travels: dinopost plays the story with real servers on this machine");
  await using internet = await LoopbackInternet.start();
  const howstuffworks = await internet.host("howstuffworks.com", {
    accounts: { brain: PASSWORD, marshall: PASSWORD },
    trace: (line) => stage.line("howstuffworks", line),
  });
  const mindspring = await internet.host("mindspring.com", { accounts: { jsmith: PASSWORD } });
  // The DNS knows a mail host for this domain, but nobody ever answers at its address.
  internet.dns.zones["silent.example"] = { MX: [[10, "mail.silent.example"]] };
  internet.dns.zones["mail.silent.example"] = { A: [internet.address()] };
  const cast = { stage, internet, howstuffworks, mindspring };
  stage.say(
    `Two mail servers are running: ${howstuffworks.name} on ${howstuffworks.address} and ${mindspring.name} on`,
    `${mindspring.address}, each with SMTP, POP3, a queue and mailboxes of its own. A name server on`,
    `${internet.dns.address} answers for both. Their clock shows ${
      stage.time(internet.clock.now())
    } and moves only when it is moved.`,
  );
  await localLetter(cast);
  await remoteLetter(cast);
  await hostDown(cast);
  await neverAnswers(cast);
  stage.title("The end");
  stage.say(
    `Everything above happened in ${
      ((systemClock.monotonic() - started) / 1000).toFixed(1)
    } seconds, on sockets and disk that are real.`,
  );
}

async function localLetter({ stage, howstuffworks }: Cast): Promise<void> {
  stage.title("1. brain writes to a colleague");
  stage.say(
    "His mail program connects to his SMTP server and gives it sender, recipient and body.",
    "(> is what the program says, < what the server answers.)",
  );
  await stage.talk(
    "program",
    (trace) =>
      PlainMailProgram.send(howstuffworks, {
        from: BRAIN,
        to: MARSHALL,
        subject: "Lunch?",
        body: "Noon, at the corner?",
      }, trace),
  );
  stage.say(
    "The server splits the recipient into name and domain. howstuffworks.com is its own domain, so it hands the",
    "message to the mailbox of marshall, whose program fetches it by POP3:",
  );
  const [text] = await stage.talk("marshall", (trace) => fetchAll(howstuffworks, MARSHALL, trace));
  stage.check(text?.includes("Subject: Lunch?"), "marshall has the message");
}

async function remoteLetter({ stage, internet, howstuffworks, mindspring }: Cast): Promise<void> {
  stage.title("2. brain writes to jsmith, at another server");
  await stage.talk(
    "program",
    (trace) =>
      PlainMailProgram.send(howstuffworks, {
        from: BRAIN,
        to: JSMITH,
        subject: "Hello",
        body: "How are you, old friend?",
      }, trace),
  );
  stage.say("mindspring.com is not its own domain. The server asks the DNS for that domain's mail hosts:");
  await mindspring.waitForMessage("jsmith");
  await internet.settled();
  await showRoute(stage, internet);
  stage.say(
    "connects to it, has the same conversation, and gives the message away (BDAT is the modern DATA):",
  );
  stage.flush("howstuffworks");
  stage.say("That server puts it into jsmith's mailbox, and jsmith reads it by POP3:");
  const [text] = await stage.talk("jsmith", (trace) => fetchAll(mindspring, JSMITH, trace));
  stage.check(text?.includes("Subject: Hello"), "jsmith has the message");
  stage.check(await isEmpty(howstuffworks), "the queue at howstuffworks.com is empty");
}

/** Asks the same name server the same questions, and prints what it answers. */
async function showRoute(stage: Stage, internet: LoopbackInternet): Promise<void> {
  const { clock, dns } = internet;
  const wasAsked = dns.queries.some(({ type, name }) => type === "MX" && name === "mindspring.com");
  stage.check(wasAsked, "it asked: which mail hosts does mindspring.com have?");
  const resolver = new SystemResolver({
    nameServer: dns.address,
    timeoutMs: 5000,
    clock,
    random: systemRandom,
  });
  const mx = await resolver.mx("mindspring.com");
  for (const { preference, exchange } of mx.kind === "found" ? mx.records : []) {
    stage.quote(`mindspring.com has the mail host ${exchange} (preference ${preference})`);
    const found = await resolver.addresses(exchange, 4);
    stage.quote(`${exchange} has the address ${found.kind === "found" ? found.records.join(", ") : "?"}`);
  }
  resolver.close();
}

async function hostDown({ stage, internet, howstuffworks, mindspring }: Cast): Promise<void> {
  stage.title("3. mindspring.com is down");
  await mindspring.down();
  await stage.talk(
    "program",
    (trace) =>
      PlainMailProgram.send(howstuffworks, {
        from: BRAIN,
        to: JSMITH,
        subject: "Are you there?",
        body: "I hear nothing.",
      }, trace),
  );
  await internet.settled();
  stage.say("brain's server took the message, but can't connect. It goes into the queue:");
  await showQueue({ stage, howstuffworks });
  await internet.pass("1h");
  stage.say(`An hour later (${stage.time(internet.clock.now())}) it was tried again every 15 minutes:`);
  const [item] = await queued(howstuffworks);
  stage.check(item?.recipients[0]?.attempts === 5, `${item?.recipients[0]?.attempts} attempts so far`);
  await internet.pass("3h");
  stage.say(
    "Four hours after it came, the sender gets a warning. brain finds this in his mailbox:",
  );
  const warning = await howstuffworks.waitForMessage("brain", (text) => text.includes("Action: delayed"));
  stage.excerpt(warning);
  stage.check(
    /^Return-Path: <>\r$/m.test(warning),
    "the report itself has no sender, so nobody ever reports about it",
  );
  await mindspring.up();
  stage.say("mindspring.com comes back. At the next attempt the message arrives:");
  stage.drop("howstuffworks");
  await internet.pass("15m");
  stage.flush("howstuffworks");
  const text = await mindspring.waitForMessage("jsmith", (text) => text.includes("Subject: Are you there?"));
  stage.check(text.includes("I hear nothing."), "jsmith has the message");
  stage.check(await isEmpty(howstuffworks), "the queue is empty again");
}

async function neverAnswers({ stage, internet, howstuffworks }: Cast): Promise<void> {
  stage.title("4. A domain that never answers");
  await stage.talk(
    "program",
    (trace) =>
      PlainMailProgram.send(howstuffworks, {
        from: BRAIN,
        to: NOBODY_HOME,
        subject: "Anybody?",
        body: "Is anybody home?",
      }, trace),
  );
  await internet.settled();
  await showQueue({ stage, howstuffworks });
  await internet.pass("7185m"); // five days less a quarter of an hour
  const [item] = await queued(howstuffworks);
  stage.check(
    item !== undefined,
    `${item?.recipients[0]?.attempts} attempts, and nearly five days later it still waits`,
  );
  await internet.pass("15m");
  stage.say(`After five days (${stage.time(internet.clock.now())}) the message is returned undelivered:`);
  const returned = await howstuffworks.waitForMessage("brain", (text) => text.includes("Action: failed"));
  stage.excerpt(returned);
  stage.check(
    returned.includes(NOBODY_HOME) && returned.includes("Subject: Anybody?"),
    "brain knows which message did not arrive",
  );
  stage.check(await isEmpty(howstuffworks), "and the queue is empty");
}

async function fetchAll(host: Host, user: string, trace: (line: string) => void): Promise<string[]> {
  await using client = await Pop3Client.connect(host.pop3, trace);
  await client.login(user, PASSWORD);
  const messages = await client.all();
  for (let n = 1; n <= messages.length; n++) await client.command(`DELE ${n}`);
  await client.quit();
  return messages;
}

async function queued(host: Host) {
  const items = [];
  for await (const [record] of host.server.queue.messages()) if (record) items.push(record);
  return items;
}

async function isEmpty(host: Host): Promise<boolean> {
  return (await queued(host)).length === 0;
}

async function showQueue({ stage, howstuffworks }: Pick<Cast, "stage" | "howstuffworks">): Promise<void> {
  const [item] = await queued(howstuffworks);
  const recipient = item?.recipients[0];
  stage.check(item && recipient?.attempts === 1, "it waits in the queue");
  stage.quote(`${item!.id}  to ${recipient!.address}  tried ${recipient!.attempts} time`);
  stage.quote(`last error: ${recipient!.lastError}`);
  stage.quote(`next try:   ${stage.time(item!.dueAt)}`);
}
