/** MailHog's Jim, the chaos monkey: chances of what goes wrong, told as rules of faults. */

import type { FaultRules } from "../faults/rules.ts";
import { chanceAt, setChances, withChance } from "./chances.ts";
import { Dialect, type DialectParts, members, Refused } from "./dialect.ts";

/** What it is when somebody calls it and says no more; a slow link is nothing that it does here. */
const USUAL = {
  DisconnectChance: 0.005,
  AcceptChance: 0.99,
  RejectSenderChance: 0.05,
  RejectRecipientChance: 0.05,
  RejectAuthChance: 0.05,
};

type Chances = Readonly<Record<keyof typeof USUAL, number>>;

/** Its calls for Jim. */
export function mailhogJim(parts: DialectParts): Dialect["app"] {
  const dialect = new Dialect("MailHog");
  const { faults } = parts.options;
  /** Somebody called it, be it with chances that no rule says. */
  let called = false;
  const held = (): FaultRules => {
    if (faults && (called || isThere(faults))) return faults;
    throw new Refused(404, "Jim is not there");
  };
  dialect.on("GET /api/v2/jim", "The chances of faults", (c) => c.json(jimJson(chancesOf(held()))));
  dialect.on("POST /api/v2/jim", "Call Jim", async (c) => {
    if (!faults || called || isThere(faults)) throw new Refused(400, "Jim is there");
    setJim(faults, await chancesIn(() => members(c), USUAL));
    called = true;
    return c.body(null, 201);
  });
  dialect.on("PUT /api/v2/jim", "Change the chances of faults", async (c) => {
    const rules = held();
    setJim(rules, await chancesIn(() => members(c), chancesOf(rules)));
    return c.body(null, 200);
  });
  dialect.on("DELETE /api/v2/jim", "Send Jim away", (c) => {
    setChances(held(), ["reply", "drop"], []);
    called = false;
    return c.body(null, 200);
  });
  return dialect.app;
}

function isThere(faults: FaultRules): boolean {
  const { AcceptChance, ...others } = chancesOf(faults);
  return AcceptChance < 1 || Object.values(others).some((chance) => chance > 0);
}

function chancesOf(faults: FaultRules): Chances {
  const chance = (...at: [Parameters<typeof chanceAt>[1], Parameters<typeof chanceAt>[2]]) => {
    const rule = chanceAt(faults, ...at);
    return rule ? rule.probability ?? 1 : 0;
  };
  return {
    DisconnectChance: chance("mail", "drop"),
    AcceptChance: 1 - chance("connect", "drop"),
    RejectSenderChance: chance("mail", "reply"),
    RejectRecipientChance: chance("rcpt", "reply"),
    RejectAuthChance: chance("auth", "reply"),
  };
}

function jimJson(chances: Chances) {
  return { ...chances, LinkSpeedMin: 0, LinkSpeedMax: 0, LinkSpeedAffect: 0 };
}

async function chancesIn(read: () => ReturnType<typeof members>, otherwise: Chances): Promise<Chances> {
  const given = await read();
  const names = Object.keys(otherwise) as (keyof Chances)[];
  return Object.fromEntries(names.map((name) => {
    const value = given[name] ?? otherwise[name];
    if (typeof value === "number" && value >= 0 && value <= 1) return [name, value];
    throw new Refused(400, `${name} must be a number from 0 to 1`);
  })) as Chances;
}

function setJim(faults: FaultRules, chances: Chances): void {
  const { DisconnectChance, AcceptChance, RejectSenderChance, RejectRecipientChance, RejectAuthChance } =
    chances;
  setChances(faults, ["reply", "drop"], [
    ...withChance({ stage: "connect", drop: true }, 1 - AcceptChance),
    ...withChance({ stage: "mail", drop: true }, DisconnectChance),
    ...withChance({ stage: "mail", reply: "550 5.3.0 Jim rejects the sender" }, RejectSenderChance),
    ...withChance({ stage: "rcpt", reply: "550 5.3.0 Jim rejects the recipient" }, RejectRecipientChance),
    ...withChance({ stage: "auth", reply: "535 5.7.8 Jim rejects the login" }, RejectAuthChance),
  ]);
}
