import type { Clock } from '../clock.js';
import type { Config } from '../config.js';
import { RecordQueue } from '../consumers/record-queue.js';
import { outputOf } from '../producers/output.js';
import { taskName } from '../producers/records.js';
import type { Logger } from '../telemetry/logger.js';
import type { LogAdmin, TopicPartition, Transport } from '../transport/transport.js';
import type { TaskWork } from './cycle.js';
import { type OffsetReset, StartOffsets } from './start-offset.js';
import { StreamTask } from './stream-task.js';
import { TaskManager } from './task-manager.js';

export interface SideStepParts {
  readonly config: Config;
  readonly transport: Transport;
  readonly admin: LogAdmin;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly onFatal: (error: unknown) => void;
}

/** What one such step has of its own. */
export interface SideStep<W extends TaskWork> {
  readonly name: 'repartition' | 'items';
  readonly groupId: string;
  readonly topics: readonly (string | RegExp)[];
  /** Where to go on where the committed offset is not in the log any more. */
  readonly policy: OffsetReset;
  readonly commitIntervalMs: number;
  readonly worker: (partition: TopicPartition) => W;
  /** Waits for what the work needs to know, after fencing. */
  readonly restore: (signal: AbortSignal) => Promise<void>;
}

/**
 * Returns the tasks of a step beside the learning ones: one for each partition of its topics, dealt out
 * in a group of its own. Exactly once as the other tasks are: fencing, then the committed offset, then
 * what is to be restored; output and offset in one transaction.
 */
export function sideStep<W extends TaskWork>(
  { config, transport, admin, logger, clock, onFatal }: SideStepParts,
  { name, groupId, topics, policy, commitIntervalMs, worker, restore }: SideStep<W>,
): TaskManager<W> {
  const consumer = transport.groupConsumer({
    groupId,
    topics,
    sessionTimeoutMs: config.sessionTimeoutMs,
    maxWaitMs: Math.min(50, config.commitIntervalMs),
    concurrency: 64,
  });
  const offsets = new StartOffsets({ app: config.appId, groupId, admin, policy, logger });
  const createTask = (partition: TopicPartition): StreamTask<W> =>
    new StreamTask(partition, {
      settings: {
        app: config.appId,
        commitIntervalMs,
        maxTransactionEvents: config.maxTransactionEvents,
        miniBatch: 1,
        miniBatchCut: 'linger',
        step: name,
      },
      output: () => outputOf(partition, groupId, { transport, consumer, config }),
      worker: worker(partition),
      queue: new RecordQueue(config.maxTransactionEvents * 2, 0n),
      logger: logger.child({ step: name, task: taskName(partition) }),
      host: {
        committedOffset: () => offsets.of(partition),
        restore,
        seek: (offset) => consumer.start(partition, offset),
        now: clock.now,
        sleep: (milliseconds, signal) => clock.sleep(milliseconds, signal),
      },
    });
  return new TaskManager({
    consumer,
    logger: logger.child({ step: name }),
    createTask,
    onFatal,
    // The group of the other tasks tells of the broker.
    onConnection: () => undefined,
    rejoinAfterMs: config.sessionTimeoutMs,
    clock,
  });
}
