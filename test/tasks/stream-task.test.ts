import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { RecordQueue } from '../../src/consumers/record-queue.js';
import { IsthmusError } from '../../src/errors.js';
import type { Output, OutputSession } from '../../src/producers/output.js';
import type { Cycle, TaskWork } from '../../src/tasks/cycle.js';
import { StreamTask } from '../../src/tasks/stream-task.js';
import { silentLogger } from '../../src/telemetry/logger.js';
import { noTracing } from '../../src/telemetry/tracing.js';
import { producerFenced, transactionAbortable } from '../../src/transport/errors.js';
import type { LogRecord } from '../../src/transport/transport.js';
import { until } from '../support/service.js';

const place = { topic: 'input', partition: 0 };

function records(from: number, to: number): LogRecord[] {
  return Array.from({ length: to - from }, (_, i) => ({
    ...place,
    offset: BigInt(from + i),
    timestampMs: 0,
    key: null,
    value: null,
    headers: {},
  }));
}

/** Work that does nothing but say which records it got, and keep the offsets that count. */
class Tally implements TaskWork {
  /** What was computed and not taken back. */
  counted: number[] = [];
  failNext: Error | null = null;
  #position = 0n;

  startAt(position: bigint): void {
    this.#position = position;
  }

  nextDueMs(): null {
    return null;
  }

  async compute(batch: readonly LogRecord[]): Promise<Cycle> {
    const failure = this.failNext;
    this.failNext = null;
    if (failure !== null) throw failure;
    const firstOffset = this.#position;
    this.#position = batch.at(-1)!.offset + 1n;
    this.counted.push(...batch.map(({ offset }) => Number(offset)));
    return {
      firstOffset,
      nextOffset: this.#position,
      records: batch.length,
      outcomes: { publish: () => undefined },
      output: [],
      deltaBytes: 0,
      deltaIds: [],
      before: new Map(),
      answeredTimestampsMs: [],
      trace: noTracing.batch([], {}),
    };
  }

  undo(cycle: Cycle): void {
    this.counted.splice(-cycle.records);
    this.#position = cycle.firstOffset;
  }
}

/** A session whose commits are answered by the test. */
class Session implements OutputSession {
  readonly commits: { output: Output; succeed: () => void; fail: (error: Error) => void }[] = [];
  init = (): Promise<void> => Promise.resolve();
  close = (): Promise<void> => Promise.resolve();
  commit(output: Output): Promise<void> {
    return new Promise((resolve, reject) => {
      this.commits.push({ output, succeed: resolve, fail: reject });
    });
  }
}

describe('a stream task', () => {
  let tally: Tally;
  let session: Session;
  let queue: RecordQueue;
  let seeks: bigint[];
  let task: StreamTask<Tally>;

  beforeEach(async () => {
    tally = new Tally();
    session = new Session();
    queue = new RecordQueue(100, 0n);
    seeks = [];
    task = new StreamTask<Tally>(place, {
      settings: {
        app: 'test',
        commitIntervalMs: 0,
        maxTransactionEvents: 100,
        miniBatch: 4,
        miniBatchCut: 'linger',
        step: 'learn',
      },
      host: {
        committedOffset: async () => 0n,
        restore: async () => undefined,
        seek: (offset) => seeks.push(offset),
        now: Date.now,
        sleep: async (milliseconds, signal) => {
          await sleep(milliseconds, undefined, { signal }).catch(() => undefined);
        },
      },
      output: async () => session,
      worker: tally,
      queue,
      logger: silentLogger,
    });
    await until(() => task.state === 'running', 'it runs');
  });

  afterEach(async () => {
    const ended = task.close();
    for (const { succeed } of session.commits) succeed();
    await ended;
  });

  test('goes back to the newest commit where what came after it cannot be computed', async () => {
    await queue.offer(records(0, 4), 4n);
    await until(() => session.commits.length === 1, 'the first commit is under way');
    tally.failNext = new IsthmusError('SCHEMA_REGISTRY_UNAVAILABLE', 'retry', 'not now');
    await queue.offer(records(4, 8), 8n);
    await until(() => tally.failNext === null, 'the second cycle has failed');
    session.commits[0]!.succeed();
    await until(() => seeks.length === 2, 'it has gone back');
    expect(seeks).toEqual([0n, 4n]);
    await queue.offer(records(4, 8), 8n);
    await until(() => session.commits.length === 2, 'the second commit');
    expect(tally.counted).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  test('leaves no gap where records arrive between an abort and the seek', async () => {
    await queue.offer(records(0, 4), 8n);
    await until(() => session.commits.length === 1, 'the first commit is under way');
    session.commits[0]!.fail(transactionAbortable('id', 'send records'));
    await until(() => tally.counted.length === 0, 'it is taken back');
    // The consumer does not know yet that it has to go back.
    await queue.offer(records(4, 8), 8n);
    await until(() => seeks.length === 2, 'it has gone back');
    await queue.offer(records(0, 8), 8n);
    await until(() => session.commits.length === 2, 'the second commit');
    expect(tally.counted).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  test('takes back both cycles where the older one cannot be committed', async () => {
    await queue.offer(records(0, 4), 8n);
    await until(() => session.commits.length === 1, 'the first commit is under way');
    await queue.offer(records(4, 8), 8n);
    await until(() => tally.counted.length === 8, 'the second cycle is computed');
    session.commits[0]!.fail(producerFenced('id'));
    expect((await task.ended).kind).toBe('fenced');
    expect(tally.counted).toEqual([]);
  });

  test('ends to start again where neither the transaction nor its abort succeeds', async () => {
    await queue.offer(records(0, 4), 4n);
    await until(() => session.commits.length === 1, 'the first commit is under way');
    session.commits[0]!.fail(new IsthmusError('ABORT_FAILED', 'retry', 'no answer'));
    expect((await task.ended).kind).toBe('restart');
    expect(tally.counted).toEqual([]);
  });
});
