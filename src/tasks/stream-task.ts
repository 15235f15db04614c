import type { RecordQueue } from '../consumers/record-queue.js';
import { publish } from '../diagnostics.js';
import { describeError, IsthmusError } from '../errors.js';
import { type OutputSession, outcomeOf } from '../producers/output.js';
import type { Logger } from '../telemetry/logger.js';
import type { LogRecord, TopicPartition } from '../transport/transport.js';
import type { Cycle, TaskWork } from './cycle.js';
import { nextCycleMs, phaseOf } from './phase.js';
import { type TaskState, transition } from './task-state.js';

export interface StreamTaskSettings {
  readonly app: string;
  readonly commitIntervalMs: number;
  readonly maxTransactionEvents: number;
  /** Events of one mini-batch; a window of the input is [k * miniBatch, (k + 1) * miniBatch). */
  readonly miniBatch: number;
  /** `offset`: only whole windows are worked on; `linger`: whatever is there when a cycle begins. */
  readonly miniBatchCut: 'linger' | 'offset';
  /** What its transactions are told as; `learn` where it is left out. */
  readonly step?: 'learn' | 'repartition' | 'items';
}

/** What the task asks of the rest of the process. */
export interface StreamTaskHost {
  /** Committed offset of the input partition, asked after fencing; where nothing is committed, the beginning. */
  committedOffset(): Promise<bigint>;
  /** The users of the partition and the model, as of the high watermarks. */
  restore(signal: AbortSignal): Promise<void>;
  /** Makes the consumer deliver from this offset on. */
  seek(offset: bigint): void;
  /** Milliseconds since the epoch. */
  now(): number;
  /** Waits, but not beyond the signal. */
  sleep(milliseconds: number, signal: AbortSignal): Promise<void>;
}

/** Why a task came to its end. */
export type TaskEnd =
  | { readonly kind: 'closed' }
  | { readonly kind: 'fenced' | 'restart' | 'fatal'; readonly error: unknown };

const RETRY_MIN_MS = 50;
const RETRY_MAX_MS = 5_000;

/**
 * One partition of the input: its users, its transactional producer, its place in the stream.
 *
 * A cycle takes records, computes (decode, learn, recommend, encode) and commits. The next cycle is
 * computed while the last one commits; there are never more than two, so a failed commit takes at
 * most two back. The table that states and transitions obey is in task-state.ts.
 */
export class StreamTask<W extends TaskWork = TaskWork> {
  readonly partition: TopicPartition;
  readonly worker: W;
  readonly queue: RecordQueue;
  /** Fulfilled, never rejected, when the task is closed. */
  readonly ended: Promise<TaskEnd>;

  readonly #settings: StreamTaskSettings;
  readonly #host: StreamTaskHost;
  readonly #openOutput: () => Promise<OutputSession>;
  readonly #logger: Logger;
  readonly #phase: number;
  readonly #closing = new AbortController();
  #state: TaskState = 'created';
  #committing: { cycle: Cycle; done: Promise<unknown> } | null = null;
  #output: OutputSession | null = null;
  #commitFailed = false;
  #alarm: { wakeMs: number; stop: AbortController; rung: Promise<void> } | null = null;
  #lastCycleMs = Number.NEGATIVE_INFINITY;
  #retryMs = RETRY_MIN_MS;
  #committedOffset: bigint | null = null;

  constructor(
    partition: TopicPartition,
    parts: {
      settings: StreamTaskSettings;
      host: StreamTaskHost;
      /** Opened when the task starts. */
      output: () => Promise<OutputSession>;
      worker: W;
      queue: RecordQueue;
      logger: Logger;
    },
  ) {
    this.partition = partition;
    this.#phase = phaseOf(partition.partition);
    this.worker = parts.worker;
    this.queue = parts.queue;
    this.#settings = parts.settings;
    this.#host = parts.host;
    this.#openOutput = parts.output;
    this.#logger = parts.logger;
    this.ended = this.#live();
  }

  get state(): TaskState {
    return this.#state;
  }

  /** The next offset after the last committed one; null before it is known. */
  get committedOffset(): bigint | null {
    return this.#committedOffset;
  }

  /** Records between the last committed offset and the end of the partition. */
  get lagRecords(): number {
    const queued =
      this.#committedOffset === null ? 0 : Number(this.queue.position - this.#committedOffset);
    return queued + this.queue.beyond;
  }

  /** Finishes the cycle at hand, commits it, and ends. */
  close(): Promise<TaskEnd> {
    this.#closing.abort(new Error('the task is closing'));
    this.queue.close();
    return this.ended;
  }

  async #live(): Promise<TaskEnd> {
    let end: TaskEnd = { kind: 'closed' };
    // Let the constructor's caller have the task before it does anything.
    await Promise.resolve();
    try {
      await this.#start();
      await this.#run();
    } catch (error) {
      end = this.#endOf(error);
    }
    this.#enter('closing');
    this.queue.close();
    this.#alarm?.stop.abort();
    try {
      await this.#finishCommit();
    } catch (error) {
      if (end.kind === 'closed') end = this.#endOf(error);
    }
    await this.#output?.close().catch((error: unknown) => {
      this.#logger.warn('a producer could not be closed', { error });
    });
    this.#enter('closed');
    return end;
  }

  async #start(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#enter('fencing');
    this.#output = await this.#openOutput();
    await this.#output.init();
    if (this.#closing.signal.aborted) return;
    this.#enter('restoring');
    // Fenced off, nobody else can move any of it: what is asked for first does not matter.
    const [offset] = await Promise.all([
      this.#host.committedOffset(),
      this.#host.restore(this.#closing.signal),
    ]);
    if (this.#closing.signal.aborted) return;
    this.#committedOffset = offset;
    this.worker.startAt(offset);
    this.queue.rewind(offset);
    this.#enter('running');
    this.#host.seek(offset);
  }

  async #run(): Promise<void> {
    while (!this.#closing.signal.aborted) {
      try {
        const count = await this.#ready();
        if (this.#closing.signal.aborted) break;
        await this.#cycle(this.queue.take(count));
        this.#retryMs = RETRY_MIN_MS;
      } catch (error) {
        if (outcomeOf(error) !== 'aborted') throw error;
        await this.#rewind(error);
      }
    }
  }

  /** Waits until there is something to do; returns how many records to take (0: owed lists only). */
  async #ready(): Promise<number> {
    for (;;) {
      if (this.#commitFailed) await this.#finishCommit();
      if (this.#closing.signal.aborted) return 0;
      const now = this.#host.now();
      const count = this.#usable();
      const due = this.worker.nextDueMs(this.queue.beyond + this.queue.length);
      const full = count >= this.#settings.maxTransactionEvents;
      if (full) return count;
      const next = nextCycleMs(this.#lastCycleMs, this.#settings.commitIntervalMs, this.#phase);
      const wake = Math.min(
        count > 0 ? next : Infinity,
        due === null ? Infinity : Math.max(due, next),
      );
      if (wake <= now) return count;
      await this.#pause(wake);
    }
  }

  /** Waits for new records, for the time, or for the failure of the commit under way. */
  async #pause(wakeMs: number): Promise<void> {
    const waits: Promise<unknown>[] = [this.queue.changed()];
    if (Number.isFinite(wakeMs)) waits.push(this.#alarmAt(wakeMs));
    await Promise.race(waits);
  }

  /**
   * Fulfilled at that time, or when the task sets another one. Records come many times within a
   * commit interval: they find the same timer, since making and stopping one for each of them
   * costs tens of microseconds.
   */
  #alarmAt(wakeMs: number): Promise<void> {
    if (this.#alarm?.wakeMs === wakeMs) return this.#alarm.rung;
    this.#alarm?.stop.abort();
    const stop = new AbortController();
    const rung = this.#host.sleep(wakeMs - this.#host.now(), stop.signal).then(() => {
      // A timer may be early: whoever asks again then gets a new one.
      if (this.#alarm?.rung === rung) this.#alarm = null;
    });
    this.#alarm = { wakeMs, stop, rung };
    return rung;
  }

  /** How many of the waiting records may go into the next cycle. */
  #usable(): number {
    const { maxTransactionEvents, miniBatch, miniBatchCut } = this.#settings;
    const waiting = Math.min(this.queue.length, maxTransactionEvents);
    if (miniBatchCut === 'linger' || waiting === 0) return waiting;
    // Only whole windows: the last record that is followed by one of another window, or ends its own.
    const size = BigInt(miniBatch);
    for (let count = waiting; count > 0; count -= 1) {
      const last = this.queue.peek(count - 1);
      if (last === undefined) continue;
      const following = this.queue.peek(count);
      if ((last.offset + 1n) % size === 0n) return count;
      if (following !== undefined && following.offset / size !== last.offset / size) return count;
    }
    return 0;
  }

  async #cycle(records: readonly LogRecord[]): Promise<void> {
    this.#lastCycleMs = this.#host.now();
    const backlog = this.queue.beyond + this.queue.length;
    const cycle = await this.worker.compute(records, backlog);
    await this.#finishCommit(cycle);
    this.#committing = { cycle, done: this.#commit(cycle) };
  }

  /** Fulfilled with undefined where committed, with the error where not: never rejected. */
  async #commit(cycle: Cycle): Promise<unknown> {
    const { app, step } = this.#settings;
    const { partition } = this.partition;
    const begin = performance.now();
    const committing = cycle.trace.span('commit');
    const report = (outcome: 'committed' | 'aborted' | 'fenced'): void => {
      const seconds = (performance.now() - begin) / 1000;
      const { records, deltaBytes } = cycle;
      if (step === 'repartition') {
        publish('isthmus:repartition', { app, ...this.partition, outcome, records, seconds });
      } else if (step === 'items') {
        publish('isthmus:items', { app, ...this.partition, outcome, records, seconds });
      } else {
        const events = records;
        publish('isthmus:transaction', { app, partition, outcome, events, seconds, deltaBytes });
      }
    };
    try {
      const offset =
        cycle.nextOffset === null ? null : { ...this.partition, offset: cycle.nextOffset };
      await this.#output?.commit({ records: cycle.output, offset });
      committing.end();
      if (cycle.nextOffset !== null) this.#committedOffset = cycle.nextOffset;
      report('committed');
      cycle.outcomes.publish();
      const now = this.#host.now();
      publish('isthmus:freshness', {
        app,
        partition,
        seconds: cycle.answeredTimestampsMs.map((timestampMs) => (now - timestampMs) / 1000),
      });
      publish('isthmus:lag', { app, ...this.partition, records: this.lagRecords });
      cycle.trace.end();
      return undefined;
    } catch (error) {
      this.#commitFailed = true;
      this.queue.poke();
      report(outcomeOf(error) === 'fenced' ? 'fenced' : 'aborted');
      committing.end(error);
      cycle.trace.end(error);
      return error;
    }
  }

  /**
   * Waits for the commit under way. Where it failed its cycle is undone, and before it the `newer`
   * one that was computed meanwhile; then the error is thrown.
   */
  async #finishCommit(newer?: Cycle): Promise<void> {
    const committing = this.#committing;
    if (committing === null) return;
    const failure = await committing.done;
    this.#committing = null;
    this.#commitFailed = false;
    if (failure === undefined) return;
    if (newer !== undefined) this.worker.undo(newer);
    this.worker.undo(committing.cycle);
    throw failure;
  }

  /** After an aborted transaction: from the committed offset again, with backoff. */
  async #rewind(error: unknown): Promise<void> {
    this.#logger.warn('a transaction was aborted and is tried again', {
      ...this.partition,
      retryMs: this.#retryMs,
      error,
    });
    await this.#host.sleep(this.#retryMs, this.#closing.signal);
    this.#retryMs = Math.min(RETRY_MAX_MS, this.#retryMs * 2);
    // Where it was the newer cycle that could not be computed, the older one may be committing still.
    await this.#finishCommit().catch((failure: unknown) => {
      if (outcomeOf(failure) !== 'aborted') throw failure;
    });
    if (this.#closing.signal.aborted) return;
    // Both at one moment: what the consumer delivers before the seek lies beyond what was given up,
    // and would leave a gap.
    const offset = this.#committedOffset ?? 0n;
    this.queue.rewind(offset);
    this.#host.seek(offset);
  }

  #endOf(error: unknown): TaskEnd {
    if (this.#closing.signal.aborted && error === this.#closing.signal.reason)
      return { kind: 'closed' };
    const outcome = outcomeOf(error);
    if (outcome === 'fenced') return { kind: 'fenced', error };
    if (outcome === 'unknown' || outcome === 'aborted') return { kind: 'restart', error };
    return {
      kind: 'fatal',
      error:
        error instanceof IsthmusError
          ? error
          : new IsthmusError('TASK_FAILED', 'fatal', describeError(error), {
              cause: error,
              place: this.partition,
            }),
    };
  }

  #enter(state: TaskState): void {
    if (this.#state === state) return;
    const from = this.#state;
    this.#state = transition(from, state);
    publish('isthmus:task', { app: this.#settings.app, ...this.partition, from, to: state });
    this.#logger.debug('task state', { ...this.partition, from, to: state });
  }
}
