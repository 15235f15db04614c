import type { Clock } from '../clock.js';
import type { Config } from '../config.js';
import type { DeltaReader } from '../consumers/delta-reader.js';
import { RecordQueue } from '../consumers/record-queue.js';
import { ContentEncoder } from '../online/content/encoder.js';
import { AtLeastOnceOutput, type OutputSession, TransactionalOutput } from '../producers/output.js';
import { type RecordMaker, taskName } from '../producers/records.js';
import type { Serde } from '../serde/serde.js';
import type { ModelReplica } from '../tasks/replica.js';
import { StartOffsets } from '../tasks/start-offset.js';
import { StreamTask } from '../tasks/stream-task.js';
import { TaskManager } from '../tasks/task-manager.js';
import type { Logger } from '../telemetry/logger.js';
import type { Tracing } from '../telemetry/tracing.js';
import type { GroupConsumer, LogAdmin, TopicPartition, Transport } from '../transport/transport.js';
import { vectorLengths } from './validation.js';
import { ItemsWork } from './work.js';

/** No application id has a slash in it, so these names are nobody else's. */
export function itemsGroup(appId: string): string {
  return `${appId}/items`;
}

export interface ItemsStepParts {
  readonly config: Config;
  readonly transport: Transport;
  readonly admin: LogAdmin;
  readonly deltas: DeltaReader;
  readonly serde: Serde;
  readonly replica: ModelReplica;
  readonly records: RecordMaker;
  /** Of the delta topic. */
  readonly deltaPartitions: number;
  readonly tracing: Tracing;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly onFatal: (error: unknown) => void;
}

/**
 * Returns the tasks of the items topic: one for each partition, dealt out in a group of its own, that
 * write what is said of items into the model. Exactly once as the other tasks are: fencing, then the
 * committed offset, then the model up to the end of the deltas, so that the owner of an item knows all
 * that was said of it; deltas, dead letters and offset in one transaction.
 */
export function itemsStep(parts: ItemsStepParts): TaskManager<ItemsWork> {
  const { config, transport, logger, clock } = parts;
  const groupId = itemsGroup(config.appId);
  const consumer = transport.groupConsumer({
    groupId,
    topics: [config.itemsTopic],
    sessionTimeoutMs: config.sessionTimeoutMs,
    maxWaitMs: Math.min(50, config.commitIntervalMs),
    concurrency: 64,
  });
  const offsets = new StartOffsets({
    app: config.appId,
    groupId,
    admin: parts.admin,
    // What compaction took away is said again by what it left.
    policy: 'earliest',
    logger,
  });
  const encoder = new ContentEncoder(config.learner.seed, config.learner.dimension);
  return new TaskManager({
    consumer,
    logger: logger.child({ step: 'items' }),
    createTask: (partition) => createTask(parts, partition, consumer, offsets, encoder),
    onFatal: parts.onFatal,
    // The group of the other tasks tells of the broker.
    onConnection: () => undefined,
    rejoinAfterMs: config.sessionTimeoutMs,
    clock,
  });
}

function createTask(
  parts: ItemsStepParts,
  partition: TopicPartition,
  consumer: GroupConsumer,
  offsets: StartOffsets,
  encoder: ContentEncoder,
): StreamTask<ItemsWork> {
  const { config, transport, admin, deltas, tracing, logger, clock } = parts;
  const groupId = itemsGroup(config.appId);
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
      commitIntervalMs: config.commitIntervalMs,
      maxTransactionEvents: config.maxTransactionEvents,
      miniBatch: 1,
      miniBatchCut: 'linger',
      step: 'items',
    },
    output,
    worker: new ItemsWork(
      {
        app: config.appId,
        partition,
        deltaPartitions: parts.deltaPartitions,
        maxRecordBytes: config.maxRecordBytes,
        vectors: vectorLengths(config.contentVectors),
      },
      { serde: parts.serde, encoder, replica: parts.replica, records: parts.records, tracing },
    ),
    queue: new RecordQueue(config.maxTransactionEvents * 2, 0n),
    logger: logger.child({ step: 'items', task: taskName(partition) }),
    host: {
      committedOffset: () => offsets.of(partition),
      restore: async (signal) => {
        const stable = await admin.lastStable(config.modelDeltasTopic);
        await deltas.reached(
          stable.map((high) => ({ low: 0n, high })),
          signal,
        );
      },
      seek: (offset) => consumer.start(partition, offset),
      now: clock.now,
      sleep: (milliseconds, signal) => clock.sleep(milliseconds, signal),
    },
  });
}
