/** The faults of a conversation as a client: rules that stand for the next server's answers. */

import { type Clock, sleep } from "../../base/clock.ts";
import type { FaultStage } from "../../faults/rule.ts";
import type { FaultPoint, FaultRules } from "../../faults/rules.ts";
import type { Reply } from "../protocol/reply.ts";
import type { ReplyError } from "./reply_reader.ts";

/** What a conversation's faults work with. */
export interface ClientFaultsOptions {
  /** Measures what is late. */
  readonly clock: Clock;
  /** Ends the waiting. */
  readonly signal?: AbortSignal;
}

/** The rules of one conversation. */
export class ClientFaults {
  /** The next handshake fails. */
  tlsFails = false;
  readonly #rules: FaultRules;
  readonly #options: ClientFaultsOptions;

  constructor(rules: FaultRules, options: ClientFaultsOptions) {
    this.#rules = rules;
    this.#options = options;
  }

  /** May anything act at this stage? Without a stage: at any. */
  watches(stage?: FaultStage): boolean {
    return this.#rules.watchesOut(stage);
  }

  /**
   * What stands for the answer at a point; undefined: the server's own, perhaps after a while. `limitMs`: so long it is
   * waited for.
   */
  async at(point: FaultPoint, limitMs: number): Promise<Reply | ReplyError | undefined> {
    const action = await this.#rules.at({ ...point, out: true });
    switch (action?.kind) {
      case "reply":
        return action;
      // whatever of an answer came before the end: it was not one
      case "drop":
      case "truncate":
        return { error: "closed", text: "The peer closed the connection" };
      case "delay": {
        const { clock, signal } = this.#options;
        await sleep(clock, Math.min(action.ms, limitMs), signal);
        if (action.ms < limitMs) return undefined;
        return { error: "late", text: `The peer didn't answer within ${Math.round(limitMs / 1000)} s` };
      }
      case "tlsFail":
        this.tlsFails = true;
    }
    return undefined;
  }
}
