import type { Clock } from '../clock.js';
import type { Config } from '../config.js';
import { RecordQueue } from '../consumers/record-queue.js';
import { AtLeastOnceOutput, type OutputSession, TransactionalOutput } from '../producers/output.js';
import { taskName } from '../producers/records.js';
import type { EventDecoder } from '../tasks/event-decoder.js';
import { StartOffsets } from '../tasks/start-offset.js';
import { StreamTask } from '../tasks/stream-task.js';
import { TaskManager } from '../tasks/task-manager.js';
import type { Logger } from '../telemetry/logger.js';
import type { Tracing } from '../telemetry/tracing.js';
import { inputSubscription } from '../topics.js';
import type { GroupConsumer, LogAdmin, TopicPartition, Transport } from '../transport/transport.js';
import { RepartitionWork } from './work.js';

/** No application id has a slash in it, so these names are nobody else's. */
export function repartitionGroup(appId: string): string {
  return `${appId}/repartition`;
}

export interface RepartitionParts {
  readonly config: Config;
  readonly transport: Transport;
  readonly admin: LogAdmin;
  readonly decoder: EventDecoder;
  readonly tracing: Tracing;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly onFatal: (error: unknown) => void;
}

/**
 * Returns the step before the tasks: a task for each partition of the inputs, dealt out in a group of
 * its own, that copies what comes to the repartition topic. Exactly once as the tasks are: fencing,
 * then the committed offset; copies, dead letters and offset in one transaction. Nothing is restored.
 */
export function repartitionStep(parts: RepartitionParts): TaskManager<RepartitionWork> {
  const { config, transport, logger, clock } = parts;
  const groupId = repartitionGroup(config.appId);
  const consumer = transport.groupConsumer({
    groupId,
    topics: inputSubscription(config),
    sessionTimeoutMs: config.sessionTimeoutMs,
    maxWaitMs: Math.min(50, config.commitIntervalMs),
    concurrency: 64,
  });
  const offsets = new StartOffsets({
    app: config.appId,
    groupId,
    admin: parts.admin,
    policy: config.offsetReset,
    logger,
  });
  return new TaskManager({
    consumer,
    logger: logger.child({ step: 'repartition' }),
    createTask: (partition) => createTask(parts, partition, consumer, offsets),
    onFatal: parts.onFatal,
    // The group of the tasks tells of the broker.
    onConnection: () => undefined,
    rejoinAfterMs: config.sessionTimeoutMs,
    clock,
  });
}

function createTask(
  { config, transport, decoder, tracing, logger, clock }: RepartitionParts,
  partition: TopicPartition,
  consumer: GroupConsumer,
  offsets: StartOffsets,
): StreamTask<RepartitionWork> {
  const groupId = repartitionGroup(config.appId);
  const output = async (): Promise<OutputSession> => {
    if (config.delivery === 'at-least-once') {
      return new AtLeastOnceOutput(await transport.producer(), consumer);
    }
    const id = `${groupId}-${taskName(partition)}`;
    return new TransactionalOutput(
      await transport.transactionalProducer(id, config.transactionTimeoutMs),
      groupId,
    );
  };
  return new StreamTask(partition, {
    settings: {
      app: config.appId,
      // It comes before the tasks' own interval: most of the time to a list is theirs.
      commitIntervalMs: Math.ceil(config.commitIntervalMs / 4),
      maxTransactionEvents: config.maxTransactionEvents,
      miniBatch: 1,
      miniBatchCut: 'linger',
      step: 'repartition',
    },
    output,
    worker: new RepartitionWork(
      {
        app: config.appId,
        partition,
        target: config.repartitionTopic,
        deadLetters: config.deadLetterTopic,
        maxRecordBytes: config.maxRecordBytes,
      },
      { decoder, tracing },
    ),
    queue: new RecordQueue(config.maxTransactionEvents * 2, 0n),
    logger: logger.child({ step: 'repartition', task: taskName(partition) }),
    host: {
      committedOffset: () => offsets.of(partition),
      restore: () => Promise.resolve(),
      seek: (offset) => consumer.start(partition, offset),
      now: clock.now,
      sleep: (milliseconds, signal) => clock.sleep(milliseconds, signal),
    },
  });
}
