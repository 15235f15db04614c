import { beforeEach, describe, expect, test } from 'vitest';
import type { TaskWork } from '../../src/tasks/cycle.js';
import type { StreamTask, TaskEnd } from '../../src/tasks/stream-task.js';
import { TaskManager } from '../../src/tasks/task-manager.js';
import { silentLogger } from '../../src/telemetry/logger.js';
import { producerFenced } from '../../src/transport/errors.js';
import type {
  GroupConsumer,
  GroupConsumerHandlers,
  TopicPartition,
} from '../../src/transport/transport.js';
import { VirtualTime } from '../fuzz/virtual-time.js';

const place = { topic: 'input', partition: 0 };
const REJOIN_AFTER_MS = 6_000;

/** A task that ends when it is told to. */
function fakeTask(partition: TopicPartition): {
  task: StreamTask<TaskWork>;
  end: (e: TaskEnd) => void;
} {
  let end: (e: TaskEnd) => void = () => undefined;
  const ended = new Promise<TaskEnd>((resolve) => {
    end = resolve;
  });
  const fields = {
    partition,
    ended,
    state: 'running',
    committedOffset: 0n,
    queue: { position: 7n },
  };
  const task = { ...fields, close: () => ended } as unknown as StreamTask<TaskWork>;
  return { task, end };
}

describe('the tasks of a process', () => {
  let handlers: GroupConsumerHandlers;
  let tasks: ReturnType<typeof fakeTask>[];
  let rejoined: number;
  let time: VirtualTime;

  beforeEach(async () => {
    tasks = [];
    rejoined = 0;
    time = new VirtualTime();
    const consumer: GroupConsumer = {
      run: async (given) => {
        handlers = given;
      },
      start: () => undefined,
      pause: () => undefined,
      commit: async () => undefined,
      rejoin: async () => {
        rejoined += 1;
      },
      close: async () => undefined,
    };
    const manager = new TaskManager<TaskWork>({
      consumer,
      logger: silentLogger,
      createTask: (partition) => {
        const made = fakeTask(partition);
        tasks.push(made);
        return made.task;
      },
      onFatal: () => undefined,
      onConnection: () => undefined,
      rejoinAfterMs: REJOIN_AFTER_MS,
      clock: time.clock(),
    });
    await manager.run();
    handlers.onAssigned([place], []);
  });

  async function fence(index: number): Promise<void> {
    tasks[index]!.end({ kind: 'fenced', error: producerFenced('id') });
    await new Promise((resolve) => setImmediate(resolve));
  }

  test('a fenced one is not started again before the group has had its say', async () => {
    await fence(0);
    expect(tasks).toHaveLength(1);
    time.advanceTo(time.nowMs + REJOIN_AFTER_MS);
    expect(rejoined).toBe(1);
    handlers.onAssigned([place], []);
    expect(tasks).toHaveLength(2);
  });

  test('one that was fenced while away is started at once where the group has given it back', async () => {
    handlers.onAssigned([place], []);
    await fence(0);
    expect(tasks).toHaveLength(2);
    // Once for each word of the group: two that believe to be the owner do not fence each other for ever.
    await fence(1);
    expect(tasks).toHaveLength(2);
  });

  test('one that was fenced after the partition was lost stays closed, and the group is left alone', async () => {
    handlers.onAssigned([], []);
    await fence(0);
    expect(tasks).toHaveLength(1);
    time.advanceTo(time.nowMs + REJOIN_AFTER_MS);
    expect(rejoined).toBe(0);
  });
});
