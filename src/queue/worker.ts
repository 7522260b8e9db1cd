/**
 * The loop of the queue: claim what is due, dispatch it, settle what came of it in one commit, report that. Claiming
 * is in `due_claims.ts`, whose turn it is in `slots.ts`, dispatching in `dispatch.ts`, settling in `recorder.ts` (and what
 * outcomes mean in `settle.ts`), reporting to the journal in `events.ts`.
 */

import { type Clock, systemClock, type Timer } from "../base/clock.ts";
import { Semaphore } from "../base/semaphore.ts";
import type { Tasks } from "../base/tasks.ts";
import type { Outcome } from "../mail/outcome.ts";
import type { Journal } from "../observe/journal.ts";
import type { Dispatcher } from "./dispatch.ts";
import type { DueClaims } from "./due_claims.ts";
import { emitConsequences } from "./events.ts";
import type { Leases } from "./leases.ts";
import { type Claim, nameOf, type QueueStore } from "./queue_store.ts";
import type { OutcomeRecorder } from "./recorder.ts";
import type { Consequences, DeliveryResult } from "./result.ts";
import type { Retries } from "./retries.ts";
import { isBackoffSignal, isConnectionFailure, type Scheduler } from "./scheduler.ts";
import type { Slots, Turn } from "./slots.ts";

/** What a {@linkcode QueueWorker} works with. */
export interface WorkerOptions {
  readonly clock: Clock;
  readonly journal: Journal;
  readonly tasks: Tasks;
  readonly queue: QueueStore;
  readonly leases: Leases;
  readonly scheduler: Scheduler;
  readonly slots: Slots;
  readonly due: DueClaims;
  readonly dispatcher: Dispatcher;
  readonly recorder: OutcomeRecorder;
  /** Hear what came of attempts. */
  readonly retries: Retries;
}

/**
 * So many attempts at most are over before their outcomes are written: a commit's time is not lost for those who wait,
 * and when the store fails, or the machine, few more are made again than those under way.
 */
const MAX_UNWRITTEN = 32;
/**
 * So many records are put off at a time, of all destinations whose hosts are down: mail that comes in meanwhile waits
 * for one small commit, however many wait for those hosts. With half as many each costs a fifth more, with twice as many
 * an accept waits twice as long.
 */
const MAX_PUT_OFF = 16;

/** Runs the queue of one server. */
export class QueueWorker {
  readonly #options: WorkerOptions;
  readonly #stop = new AbortController();
  #claiming = false;
  /** Attempts whose turn is over and whose outcomes are not written yet. */
  #unwritten = 0;
  /** Attempts whose place another one has already. */
  #handedOn = 0;
  readonly #puttingOff = new Semaphore(MAX_PUT_OFF);
  /** Until a destination's rate lets one go. */
  #pause: Timer | undefined;
  #idle: (() => void)[] = [];

  constructor(options: WorkerOptions) {
    this.#options = options;
  }

  /** Starts with all that is due. */
  start(): void {
    this.#options.slots.open();
    this.#options.due.start(() => this.run());
  }

  /** Goes on: delivers whose turn it is, claims more while there is some, and rests when there is none. */
  run(): void {
    const { slots, due, tasks } = this.#options;
    if (!slots.isOpen) return;
    for (let turn = slots.next(); turn; turn = slots.next()) {
      const current = turn;
      tasks.run(`deliver ${nameOf(turn.claim.record)}`, () => this.#deliver(current));
    }
    this.#pauseForRate();
    if (due.hasMore && !this.#claiming) {
      this.#claiming = true;
      tasks.run("claim", () => this.#claim());
    }
    if (this.isIdle) this.#notifyIdle();
  }

  /** Claims what is due and has room, as far as one look goes. */
  async #claim(): Promise<void> {
    try {
      await this.#options.due.claim();
    } finally {
      this.#claiming = false;
      this.run();
    }
  }

  /**
   * One claim from its turn to its end: dispatch, settle, report. The next one of its destination has its turn while what
   * came of this one is written down, as long as few are.
   */
  async #deliver(turn: Turn): Promise<void> {
    const { dispatcher, slots } = this.#options;
    const { claim } = turn;
    let result: DeliveryResult | undefined;
    let isOver = false;
    try {
      result = await dispatcher.dispatch(claim, () => this.#beginBehind(turn));
      const settling = this.#settle(claim, result);
      if (!isConnectionFailure(result.outcomes) && this.#unwritten < MAX_UNWRITTEN) {
        isOver = true;
        this.#unwritten++;
        this.#endTurn(turn, result);
      }
      await (isConnectionFailure(result.outcomes)
        ? Promise.all([settling, this.#putOff(turn, result.outcomes[0]!.outcome)])
        : settling);
    } finally {
      result?.release?.();
      slots.forget(claim);
      if (isOver) this.#unwritten--;
      else this.#endTurn(turn, result);
      if (this.isIdle) this.#notifyIdle();
    }
  }

  /** A message was sent and only its answer is waited for: the next one for its destination may go behind it. */
  #beginBehind(turn: Turn): boolean {
    const { slots, tasks } = this.#options;
    const next = this.#unwritten < MAX_UNWRITTEN ? slots.nextBehind(turn) : undefined;
    if (!next) return false;
    this.#handedOn++;
    tasks.run(`deliver ${nameOf(next.claim.record)}`, () => this.#deliver(next));
    return true;
  }

  #endTurn(turn: Turn, result: DeliveryResult | undefined): void {
    const { slots, due } = this.#options;
    if (turn.handedOn) this.#handedOn--;
    slots.end(turn, isBackoffSignal(result?.outcomes ?? []));
    due.freed(turn.destination);
    this.run();
  }

  /**
   * Where no connection came about, that stands for all that wait for the same hosts. They keep their places until each
   * is put off, so that no more are claimed meanwhile.
   */
  async #putOff(turn: Turn, failure: Outcome): Promise<void> {
    const { slots } = this.#options;
    // who comes later has a try of his own
    let left = slots.countBehind(turn);
    const putOffNext = async () => {
      const claim = left > 0 ? slots.takeBehind(turn) : undefined;
      left = claim ? left - 1 : 0;
      if (claim) await this.#settlePutOff(claim, failure);
    };
    const putOffAll = async () => {
      while (left > 0) await this.#puttingOff.run(putOffNext);
    };
    await Promise.all(Array.from({ length: Math.min(left, MAX_PUT_OFF) }, putOffAll));
  }

  async #settlePutOff(claim: Claim, failure: Outcome): Promise<void> {
    const { slots, dispatcher } = this.#options;
    try {
      await this.#settle(claim, dispatcher.putOff(claim, failure));
    } finally {
      slots.forget(claim);
    }
  }

  /** Writes down what came of a claim, and tells of it. */
  async #settle(claim: Claim, result: DeliveryResult): Promise<void> {
    const { recorder, journal, retries, due, leases } = this.#options;
    let consequences: Consequences | undefined;
    try {
      consequences = await recorder.settle(claim, result, this.#stop.signal);
      // who hears of it may want to change what is left
      leases.remove(claim);
      if (!consequences) return;
      emitConsequences(journal, claim.record, consequences);
      retries.settled(claim.record, consequences);
      for (const record of consequences.waiting) due.schedule(record.dueAt);
    } finally {
      // Whoever has it now, it is due then at the latest.
      if (!consequences) due.schedule(claim.dueKeyAt);
    }
  }

  #pauseForRate(): void {
    const { clock, scheduler } = this.#options;
    this.#pause?.cancel();
    const { pauseMs } = scheduler;
    this.#pause = pauseMs < Infinity ? clock.schedule(pauseMs, () => this.run()) : undefined;
  }

  /** Is nothing due, waiting or under way? Records that pause don't count. */
  get isIdle(): boolean {
    const { due, scheduler: { active, waiting } } = this.#options;
    const rests = active + this.#handedOn + this.#unwritten === 0 &&
      (waiting === 0 || this.#pause !== undefined);
    return this.#stop.signal.aborted || (rests && !this.#claiming && !due.hasMore);
  }

  /** Resolves when nothing is due, waits or is under way. */
  async idle(): Promise<void> {
    while (!this.isIdle) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  #notifyIdle(): void {
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  /**
   * Starts nothing more, gives back what waits, and gives what is under way `graceMs`. Answers how many still run: it
   * may be called again. Real time: a server stops also when its clock stands still.
   */
  async stop(graceMs: number): Promise<number> {
    const { slots, due, leases, queue, tasks } = this.#options;
    this.#stop.abort();
    const closed = due.close();
    const waiting = slots.close();
    this.#notifyIdle();
    await queue.unclaim(waiting);
    if (waiting.length > 0) due.notifyPeers({ from: Math.min(...waiting.map(({ record }) => record.dueAt)) });
    const left = await tasks.settle(systemClock, graceMs);
    leases.close();
    this.#pause?.cancel();
    await closed;
    return left;
  }
}
