/** The jobs: what is done to many messages goes on by itself, and tells how far it is and what came of it. */

import type { Clock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import type { IdMaker } from "../base/ids.ts";
import type { Tasks } from "../base/tasks.ts";
import { type ActionResult, type Operator, type QueueAction, REFUSALS } from "./operator.ts";
import type { QueueRecord } from "./record.ts";
import type { Retries, RetryEnd } from "./retries.ts";

/** A message to which something can't be done, and why. */
export interface RefusedMessage {
  readonly id: string;
  readonly text: string;
}

/** A job as it is now. */
export interface Job {
  readonly id: string;
  readonly action: QueueAction;
  readonly state: "running" | "done" | "failed";
  /** How many messages it is for, and how many of them are done with. */
  readonly total: number;
  readonly done: number;
  /** Of a retry: whose attempt is over, by what came of it. */
  readonly delivered: number;
  /** Somebody is still to be served. */
  readonly deferred: number;
  readonly failed: number;
  /** Of other actions: to how many it was done. */
  readonly changed: number;
  /** To how many it was not done, and the first of them. */
  readonly refusals: number;
  readonly refused: readonly RefusedMessage[];
  /** Why it failed. */
  readonly error?: string;
  /** Milliseconds since 1970; undefined while it runs. */
  readonly endedAt?: number;
}

/** What {@linkcode Jobs} work with. */
export interface JobsOptions {
  readonly operator: Operator;
  readonly retries: Retries;
  readonly clock: Clock;
  readonly ids: IdMaker;
  /** Where they run. */
  readonly tasks: Tasks;
  /** Why a record will not be tried, though it is due; undefined: it will be. */
  standstill(record: QueueRecord): string | undefined;
}

/** So many messages are changed together; others get their turn between. */
const AT_ONCE = 200;
/** So many run at the same time. */
export const MAX_RUNNING = 50;
/** So many that have ended are remembered, and of each so many that were refused. */
const MAX_ENDED = 100;
const MAX_REFUSED = 10_000;

type Running = { -readonly [K in keyof Job]: Job[K] } & { readonly refused: RefusedMessage[] };

/** The jobs of one server; they end with it. */
export class Jobs {
  readonly #options: JobsOptions;
  /** In the order of their beginning. */
  readonly #jobs = new Map<string, Running>();
  #closed = false;

  constructor(options: JobsOptions) {
    this.#options = options;
  }

  /** Are as many running as may? */
  get isFull(): boolean {
    return [...this.#jobs.values()].filter(({ state }) => state === "running").length >= MAX_RUNNING;
  }

  /** One that runs, or that ended lately. */
  get(id: string): Job | undefined {
    return this.#jobs.get(id);
  }

  /** All of them, the newest first. */
  list(): Job[] {
    return [...this.#jobs.values()].reverse();
  }

  /** Starts one; of a retry, `wants` chooses the records. */
  start(
    action: QueueAction,
    ids: readonly string[],
    wants?: (record: QueueRecord) => boolean,
  ): Job {
    const { tasks } = this.#options;
    const job: Running = {
      id: this.#options.ids.next(),
      action,
      state: "running",
      total: ids.length,
      done: 0,
      delivered: 0,
      deferred: 0,
      failed: 0,
      changed: 0,
      refusals: 0,
      refused: [],
    };
    this.#forgetOld();
    this.#jobs.set(job.id, job);
    tasks.run(`${action} ${ids.length} messages`, () => this.#run(job, ids, wants));
    return job;
  }

  /** All that run end now. */
  close(): void {
    this.#closed = true;
    for (const job of this.#jobs.values()) if (job.state === "running") this.#end(job, STOPPED);
  }

  async #run(
    job: Running,
    ids: readonly string[],
    wants: ((record: QueueRecord) => boolean) | undefined,
  ): Promise<void> {
    const { operator } = this.#options;
    const { action } = job;
    try {
      for (let i = 0; i < ids.length && !this.#closed; i += AT_ONCE) {
        const some = ids.slice(i, i + AT_ONCE);
        if (action === "retry") await this.#retry(job, some, wants);
        else for (const result of await operator.act(action, some)) this.#count(job, result);
      }
      if (ids.length === 0) this.#end(job);
    } catch (error) {
      this.#end(job, messageOf(error));
      throw error;
    }
  }

  async #retry(
    job: Running,
    ids: readonly string[],
    wants: ((record: QueueRecord) => boolean) | undefined,
  ): Promise<void> {
    const { operator, retries, standstill } = this.#options;
    const followed = ids.map((id) => retries.follow(id, (end) => this.#countEnd(job, id, end)));
    try {
      for (const [i, { refusal, tried }] of (await operator.act("retry", ids, wants)).entries()) {
        const still = tried.map(standstill);
        if (tried.length > 0 && !still.includes(undefined)) followed[i]!.end({ text: still[0]! });
        else if (tried.length > 0) followed[i]!.begin(tried.filter((_, n) => still[n] === undefined));
        else followed[i]!.end({ text: REFUSALS[refusal ?? "gone"] });
      }
    } catch (error) {
      for (const one of followed) one.end({ text: messageOf(error) });
      throw error;
    }
  }

  #count(job: Running, { id, refusal }: ActionResult): void {
    if (refusal === undefined) job.changed++;
    else refuse(job, { id, text: REFUSALS[refusal] });
    this.#advance(job);
  }

  #countEnd(job: Running, id: string, end: RetryEnd): void {
    if (job.state !== "running") return;
    if (typeof end === "string") job[end]++;
    else refuse(job, { id, ...end });
    this.#advance(job);
  }

  #advance(job: Running): void {
    job.done++;
    if (job.done === job.total) this.#end(job);
  }

  #end(job: Running, error?: string): void {
    if (job.state !== "running") return;
    job.state = error === undefined ? "done" : "failed";
    job.endedAt = this.#options.clock.now();
    if (error !== undefined) job.error = error;
  }

  #forgetOld(): void {
    const ended = [...this.#jobs.values()].filter(({ state }) => state !== "running");
    for (const { id } of ended.slice(0, Math.max(0, ended.length - MAX_ENDED + 1))) this.#jobs.delete(id);
  }
}

const STOPPED = "The server was stopped";

function refuse(job: Running, of: RefusedMessage): void {
  job.refusals++;
  if (job.refused.length < MAX_REFUSED) job.refused.push(of);
}
