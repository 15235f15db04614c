import type { Clock } from '../clock.js';
import type { Standbys } from '../cluster/standbys.js';
import type { Config } from '../config.js';
import type { DeltaReader } from '../consumers/delta-reader.js';
import { RecordQueue } from '../consumers/record-queue.js';
import { outputOf } from '../producers/output.js';
import { taskName } from '../producers/records.js';
import type { Serde } from '../serde/serde.js';
import { restoreUsers } from '../tasks/restore-users.js';
import type { StartOffsets } from '../tasks/start-offset.js';
import { StreamTask } from '../tasks/stream-task.js';
import { Turns } from '../tasks/turns.js';
import { TaskWorker } from '../tasks/worker.js';
import type { Logger } from '../telemetry/logger.js';
import type { Tracing } from '../telemetry/tracing.js';
import type {
  GroupConsumer,
  LogAdmin,
  LogReader,
  LogRecord,
  TopicPartition,
  Transport,
} from '../transport/transport.js';
import type { Learning } from './learning.js';

export interface TaskFactoryOptions {
  readonly config: Config;
  readonly transport: Transport;
  readonly logger: Logger;
  readonly tracing: Tracing;
  readonly clock: Clock;
  readonly serde: Serde;
  readonly learning: Learning;
  readonly consumer: GroupConsumer;
  readonly admin: LogAdmin;
  readonly reader: LogReader;
  readonly deltas: DeltaReader;
  readonly standbys: Standbys;
  readonly startOffsets: StartOffsets;
  /** Of the topic that the tasks read. */
  readonly partitions: number;
}

/** Makes the stream tasks of a process out of its parts. */
export class TaskFactory {
  readonly #options: TaskFactoryOptions;
  readonly #turns = new Turns();
  #misplacedSeen = false;

  constructor(options: TaskFactoryOptions) {
    this.#options = options;
  }

  /** A task for the partition; it starts by itself. */
  create(partition: TopicPartition): StreamTask<TaskWorker> {
    const { consumer } = this.#options;
    const config = this.#options.config;
    const logger = this.#options.logger.child({ task: taskName(partition) });
    const worker = new TaskWorker(
      {
        app: this.#options.config.appId,
        partition,
        partitions: this.#options.partitions,
        miniBatch: config.miniBatch,
        miniBatchCut: config.miniBatchCut,
        catchUpMiniBatch: config.catchUpMiniBatch,
        maxTransactionEvents: config.maxTransactionEvents,
        maxRecordBytes: config.maxRecordBytes,
        topN: config.topN,
        targetDomains: config.targetDomains,
        listIntervalMs: config.listIntervalMs,
        catchUpLag: config.catchUpLagRecords,
        prequentialShare: config.prequentialSample,
      },
      {
        decoder: this.#options.learning.decoder,
        engine: this.#options.learning.engine,
        lists: this.#options.learning.lists,
        replica: this.#options.learning.replica,
        records: this.#options.learning.records,
        tracing: this.#options.tracing,
        now: this.#options.clock.now,
        breathe: (cycle) => this.#turns.wait(cycle),
        onMisplaced: (record) => this.#warnOfMisplaced(record),
      },
    );
    return new StreamTask(partition, {
      settings: {
        app: this.#options.config.appId,
        commitIntervalMs: config.commitIntervalMs,
        maxTransactionEvents: config.maxTransactionEvents,
        miniBatch: config.miniBatch,
        miniBatchCut: config.miniBatchCut,
      },
      output: () => outputOf(partition, this.#options.config.appId, this.#options),
      worker,
      queue: new RecordQueue(config.maxTransactionEvents * 2, 0n),
      logger,
      host: {
        committedOffset: () => this.#options.startOffsets.of(partition),
        restore: (signal) => this.#restore(partition, worker, signal),
        seek: (offset) => consumer.start(partition, offset),
        now: this.#options.clock.now,
        sleep: (milliseconds, signal) => this.#options.clock.sleep(milliseconds, signal),
      },
    });
  }

  #warnOfMisplaced({ topic, partition, offset }: LogRecord): void {
    if (this.#misplacedSeen) return;
    this.#misplacedSeen = true;
    this.#options.logger.warn(
      'an event came in another partition than its user belongs in, and there may be more: the input is not keyed by user as the Java client does (murmur2). Its users are learned in pieces; ISTHMUS_REPARTITION=true mends that',
      { topic, partition, offset, metric: 'isthmus_misplaced_events_total' },
    );
  }

  /** Users from the changelog partition, and the model up to the end of the deltas. */
  async #restore(
    partition: TopicPartition,
    worker: TaskWorker,
    signal: AbortSignal,
  ): Promise<void> {
    const admin = this.#options.admin;
    const { modelDeltasTopic, userStateTopic } = this.#options.config;
    // All that is committed. Open transactions of other tasks are not waited for: that would be until
    // somebody fences a dead one. Ours was ended when this task was fenced off.
    const modelRestored = admin.lastStable(modelDeltasTopic).then((stable) =>
      this.#options.deltas.reached(
        stable.map((high) => ({ low: 0n, high })),
        signal,
      ),
    );
    // Whoever waits for it hears of its end; until then nobody may.
    modelRestored.catch(() => undefined);
    const users = await restoreUsers(
      { topic: userStateTopic, partition: partition.partition },
      this.#options.standbys.take(partition.partition) ?? null,
      {
        app: this.#options.config.appId,
        admin,
        reader: this.#options.reader,
        serde: this.#options.serde,
        model: this.#options.learning.replica.model,
        modelRestored,
        signal,
      },
    );
    worker.restored(users);
  }
}
