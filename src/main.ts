import { randomUUID } from 'node:crypto';
import { type Clock, systemClock } from './clock.js';
import { advertisedUrl } from './cluster/advertised.js';
import { Cluster, describeInstance } from './cluster/cluster.js';
import { Places } from './cluster/places.js';
import { Standbys } from './cluster/standbys.js';
import type { Config } from './config.js';
import { DeltaReader } from './consumers/delta-reader.js';
import { publish } from './diagnostics.js';
import { describeError, IsthmusError } from './errors.js';
import { type HttpServer, startHttpServer } from './http/server.js';
import { itemsStep } from './items/step.js';
import { Closing } from './main/closing.js';
import { ServiceFigures } from './main/figures.js';
import { createLearning } from './main/learning.js';
import { ModelRestore } from './main/model-restore.js';
import { RestingDigest } from './main/resting-digest.js';
import { wantsServingThread } from './main/serving-thread.js';
import { TaskFactory } from './main/task-factory.js';
import { createMetrics, type Metrics } from './metrics/metrics.js';
import type { Engine, EngineParts } from './online/engine.js';
import { type ChosenTower, createTower } from './online/tower/backend.js';
import { typicalWork } from './online/tower/calibrate.js';
import { repartitionStep } from './repartition/step.js';
import type { RepartitionWork } from './repartition/work.js';
import { createSerde } from './serde/open.js';
import type { Serde } from './serde/serde.js';
import { Snapshotter } from './snapshots/snapshotter.js';
import { ownDeltaId } from './tasks/replica.js';
import { StartOffsets } from './tasks/start-offset.js';
import { TaskManager } from './tasks/task-manager.js';
import type { Logger } from './telemetry/logger.js';
import type { Tracing } from './telemetry/tracing.js';
import { checkTopics, neededTopics, taskTopic } from './topics.js';
import type { LogAdmin, LogReader, LogRecord, Transport } from './transport/transport.js';

export interface ServiceParts {
  readonly config: Config;
  readonly transport: Transport;
  readonly logger: Logger;
  readonly tracing: Tracing;
  /** The machine's by default. */
  readonly clock?: Clock;
  /** The item's title, for the status page. */
  readonly title?: (domain: string, itemId: string) => string | undefined;
  /** False: neither HTTP nor metrics. */
  readonly http?: boolean;
  /** What `create` makes by itself: a host of many services may share one. */
  readonly tower?: ChosenTower;
  readonly serde?: Serde;
  /** Makes the engine in a way of its own. */
  readonly engine?: (parts: EngineParts) => Engine;
}

const CONNECT_RETRY_MIN_MS = 250;
const CONNECT_RETRY_MAX_MS = 5_000;
const LOOK_FOR_ITEMS_EVERY_MS = 1_000;
/** At a stop, for commits and the last word to the group; then for connections without work. */
const TASKS_WITHIN_MS = 3_000;
const CONNECTIONS_WITHIN_MS = 500;

/**
 * One process of the application: consumers, tasks, learner, producers, HTTP and metrics, joined.
 *
 *     const service = await Service.create(parts);
 *     await service.start();        // HTTP answers; Kafka is joined in the background
 *     await service.ended;          // rejects where the process cannot go on
 *     await service.close();
 */
export class Service extends ServiceFigures {
  /** Rejects with the error that ends the process; fulfilled after `close`. */
  readonly ended: Promise<void>;

  readonly #parts: ServiceParts;
  readonly #process: string;
  readonly #metrics: Metrics | null;
  readonly #stopping = new AbortController();
  #http: HttpServer | null = null;
  #admin: LogAdmin | null = null;
  #reader: LogReader | null = null;
  #snapshots: Snapshotter | null = null;
  #digests: RestingDigest | null = null;
  #fail: (error: unknown) => void = () => {};
  #finish: () => void = () => {};

  private constructor(parts: ServiceParts, tower: ChosenTower, serde: Serde, process: string) {
    const { config } = parts;
    const clock = parts.clock ?? systemClock;
    super({
      config,
      clock,
      tower,
      serde,
      learning: createLearning({
        config,
        tower,
        serde,
        process,
        clock,
        servingThread: wantsServingThread(config, { backend: tower.backend, clock }),
        ...(parts.engine === undefined ? {} : { engine: parts.engine }),
      }),
      cluster: new Cluster(),
      title: parts.title ?? (() => undefined),
    });
    this.#parts = parts;
    this.#process = process;
    this.#metrics = parts.http === false ? null : createMetrics(this);
    this.ended = new Promise((resolve, reject) => {
      this.#finish = resolve;
      this.#fail = reject;
    });
    // Whoever does not ask for it still must not bring the process down by an unhandled rejection.
    this.ended.catch(() => undefined);
    this.learning.thread?.failure.then((error) => this.#end(error));
  }

  /** Chooses the backend and opens the schemas. Errors: BACKEND_UNAVAILABLE (usage). */
  static async create(parts: ServiceParts): Promise<Service> {
    const { config, logger } = parts;
    // Whoever cuts mini-batches by offset wants the same bits in every run: nothing is measured.
    const measured = config.miniBatchCut !== 'offset';
    const work = measured ? typicalWork(config.learner, () => performance.now()) : undefined;
    const tower = parts.tower ?? (await createTower(config.backend, config.learner.phi, work));
    logger.info(`the tower runs on ${tower.backend}`, {
      backend: tower.backend,
      reason: tower.reason,
    });
    const service = new Service(parts, tower, parts.serde ?? createSerde(config), randomUUID());
    logger.info(`lists are made ${service.learning.thread ? 'in a thread' : 'in the event loop'}`);
    return service;
  }

  /** Opens HTTP and begins to join Kafka. Errors: PORT_IN_USE (usage). */
  async start(): Promise<void> {
    if (this.#metrics !== null) {
      this.#http = await startHttpServer({
        host: this.config.httpHost,
        port: this.config.httpPort,
        ...(this.config.metricsPort === this.config.httpPort
          ? {}
          : { metricsPort: this.config.metricsPort }),
        token: this.config.httpToken,
        maxRequests: this.config.httpMaxRequests,
        view: this,
        registry: this.#metrics.registry,
        logger: this.#parts.logger,
      });
      const { url, metricsUrl } = this.#http;
      this.#parts.logger.info(`listening on ${url}`, { url, metricsUrl });
    }
    if (this.#metrics !== null && this.config.digestRestMs > 0) {
      this.#digests = new RestingDigest({
        view: this,
        restMs: this.config.digestRestMs,
        clock: this.clock,
        onError: (error) => this.#parts.logger.warn('The model was not hashed.', { error }),
      });
    }
    this.#connect().catch((error: unknown) => this.#end(error));
  }

  /** Where HTTP listens. */
  get url(): string {
    return this.#http?.url ?? '';
  }

  /** Where other processes reach it. */
  get #advertised(): string {
    const { advertisedUrl: given, httpHost, httpPort } = this.config;
    return given ?? advertisedUrl(httpHost, this.#http?.port ?? httpPort);
  }

  /**
   * Stops fetching, finishes and commits what is at hand, leaves the group, closes everything: within
   * four seconds, whatever does not answer. May be called at any time and more than once.
   */
  async close(): Promise<void> {
    if (!this.#stopping.signal.aborted) {
      this.#stopping.abort(new Error('the service is closing'));
      const closing = new Closing(this.clock, this.#parts.logger);
      this.#digests?.close();
      this.warm?.close();
      // Others wait for the partitions: what they do not wait for is done beside.
      await Promise.all([
        closing.step('tasks', TASKS_WITHIN_MS, () => this.manager?.close()),
        closing.step('repartition', TASKS_WITHIN_MS, () => this.repartition?.close()),
        closing.step('items', TASKS_WITHIN_MS, () => this.describing?.close()),
        closing.step('snapshots', TASKS_WITHIN_MS, () => this.#snapshots?.close()),
        closing.step('http', TASKS_WITHIN_MS, () => this.#http?.close()),
      ]);
      this.deltas?.stop();
      await Promise.all([
        closing.step('reader', CONNECTIONS_WITHIN_MS, () => this.#reader?.close()),
        closing.step('admin', CONNECTIONS_WITHIN_MS, () => this.#admin?.close()),
        closing.step('lists', CONNECTIONS_WITHIN_MS, () => this.learning.thread?.close()),
      ]);
      this.#metrics?.close();
      this.#parts.logger.info('closed', { milliseconds: closing.milliseconds });
      this.#finish();
    }
    await this.ended.catch(() => undefined);
  }

  // --- joining Kafka ---------------------------------------------------------------------------

  async #connect(): Promise<void> {
    const { transport } = this.#parts;
    this.#admin = await this.#untilReached(() => transport.admin());
    const admin = this.#admin;
    const existing = await this.#untilReached(async () => {
      // By name the broker says which of them we may not see.
      await admin.listTopics(neededTopics(this.config));
      return admin.listTopics();
    });
    this.partitions = checkTopics(this.config, existing);
    const writes = { RecommendationList: this.config.recommendationsTopic };
    await this.#untilReached(() => this.serde.register(writes));
    this.waitingFor = 'reading the model from the log';
    const { modelDeltasTopic: modelDeltas, userStateTopic: userState } = this.config;
    const reader = transport.reader([modelDeltas, userState], (error) => this.#end(error));
    this.#reader = reader;
    await reader.run();
    const deltas = new DeltaReader({
      topic: modelDeltas,
      reader,
      apply: (record) => this.#applyDelta(record),
      onProgress: ({ partition, position, highWatermark, timestampMs }) => {
        const records = Number(highWatermark - position);
        publish('isthmus:delta-lag', { app: this.app, partition, records, timestampMs });
        this.restoring?.reached(partition, position);
      },
    });
    const snapshots = this.#createSnapshots(admin);
    this.#snapshots = snapshots;
    const from = await this.#untilReached(() => snapshots.restore());
    const ends = await this.#untilReached(() => admin.lastStable(modelDeltas));
    this.restoring = new ModelRestore(this.app, from, ends);
    deltas.start(from);
    this.deltas = deltas;
    snapshots.start();
    this.waitingFor = 'joining the consumer group';
    const consumer = transport.groupConsumer({
      groupId: this.app,
      topics: [taskTopic(this.config)],
      sessionTimeoutMs: this.config.sessionTimeoutMs,
      maxWaitMs: Math.min(50, this.config.commitIntervalMs),
      concurrency: Math.max(1, this.partitions),
      claim: () => ({
        data: describeInstance(this.#process, this.#advertised),
        warm: this.warm?.warm() ?? [],
      }),
    });
    const startOffsets = new StartOffsets({
      app: this.app,
      groupId: this.app,
      admin,
      policy: this.config.offsetReset,
      logger: this.#parts.logger,
    });
    const factory = new TaskFactory({
      ...this.#parts,
      clock: this.clock,
      serde: this.serde,
      learning: this.learning,
      consumer,
      admin,
      reader,
      deltas,
      standbys: this.#joinCluster(admin, reader),
      startOffsets,
      partitions: this.partitions,
    });
    this.manager = new TaskManager({
      consumer,
      onMembers: (members) => {
        this.cluster.update(members);
        this.warm?.update();
      },
      logger: this.#parts.logger,
      createTask: (partition) => factory.create(partition),
      onFatal: (error) => this.#end(error),
      onConnection: (connected) => publish('isthmus:connection', { app: this.app, connected }),
      rejoinAfterMs: this.config.sessionTimeoutMs,
      clock: this.clock,
    });
    if (this.config.repartition) this.repartition = this.#createRepartition(admin);
    if (this.#stopping.signal.aborted) return;
    if (existing.some(({ topic }) => topic === this.config.itemsTopic)) {
      this.#followItems(admin, deltas).catch((error: unknown) => this.#end(error));
    }
    await Promise.all([this.manager.run(), this.repartition?.run()]);
  }

  #createRepartition(admin: LogAdmin): TaskManager<RepartitionWork> {
    return repartitionStep({
      config: this.config,
      transport: this.#parts.transport,
      admin,
      decoder: this.learning.decoder,
      tracing: this.#parts.tracing,
      logger: this.#parts.logger,
      clock: this.clock,
      onFatal: (error) => this.#end(error),
    });
  }

  /** Waits for the first item, so that whoever has none has no tasks for them either. */
  async #followItems(admin: LogAdmin, deltas: DeltaReader): Promise<void> {
    const { signal } = this.#stopping;
    const any = async (): Promise<boolean> => {
      const marks = await this.#untilReached(() => admin.watermarks(this.config.itemsTopic));
      return marks.some(({ high }) => high > 0n);
    };
    while (!signal.aborted && !(await any())) {
      await this.clock.sleep(LOOK_FOR_ITEMS_EVERY_MS, signal);
    }
    // A stop that came with the first item has closed what there was.
    if (signal.aborted) return;
    const { replica, records } = this.learning;
    this.describing = itemsStep({
      ...this.#parts,
      admin,
      deltas,
      serde: this.serde,
      replica,
      records,
      deltaPartitions: this.partitions,
      clock: this.clock,
      onFatal: (error) => this.#end(error),
    });
    await this.describing.run();
  }

  #joinCluster(admin: LogAdmin, reader: LogReader): Standbys {
    const config = this.config;
    const cluster = this.cluster;
    const common = { cluster, admin, topic: taskTopic(config), partitions: this.partitions };
    const standbys = new Standbys({
      ...common,
      app: this.app,
      count: config.standbys,
      changelog: config.userStateTopic,
      reader,
      logger: this.#parts.logger,
      clock: this.clock,
    });
    this.warm = standbys;
    this.places = new Places({
      ...common,
      standbys,
      standbyCount: config.standbys,
      changelog: config.userStateTopic,
      taskState: (place) => this.manager?.task(place)?.state,
    });
    return standbys;
  }

  #createSnapshots(admin: LogAdmin): Snapshotter {
    const config = this.config;
    return new Snapshotter({
      settings: {
        app: this.app,
        snapshotTopic: config.modelSnapshotsTopic,
        deltaTopic: config.modelDeltasTopic,
        intervalMs: config.snapshotIntervalMs,
        deltaBytes: config.snapshotDeltaBytes,
        keep: config.snapshotKeep,
        transactionTimeoutMs: config.transactionTimeoutMs,
        maxRecordBytes: config.maxRecordBytes,
      },
      transport: this.#parts.transport,
      admin,
      serde: this.serde,
      logger: this.#parts.logger,
      clock: this.clock,
      source: this.source,
      follower: this.learning.thread,
      isWriter: () =>
        this.running().some((task) => task.partition.partition === 0 && task.state === 'running'),
    });
  }

  /** Tries until the broker answers; usage errors and fatal ones are thrown. */
  async #untilReached<T>(ask: () => Promise<T>): Promise<T> {
    for (let waitMs = CONNECT_RETRY_MIN_MS; ; waitMs = Math.min(CONNECT_RETRY_MAX_MS, waitMs * 2)) {
      this.#stopping.signal.throwIfAborted();
      try {
        return await ask();
      } catch (error) {
        if (!(error instanceof IsthmusError) || error.disposition !== 'retry') throw error;
        this.waitingFor = describeError(error);
        this.#parts.logger.warn('Kafka or the schema registry cannot be reached yet', {
          retryMs: waitMs,
          error,
        });
        await this.clock.sleep(waitMs, this.#stopping.signal);
      }
    }
  }

  #end(error: unknown): void {
    if (this.#stopping.signal.aborted) return;
    this.waitingFor = describeError(error);
    this.#fail(error);
  }

  #applyDelta(record: LogRecord): void {
    const begin = performance.now();
    const delta = this.serde.deltas.decode(record.value);
    const mine = delta.process === this.#process;
    const id = mine ? ownDeltaId(delta.task, delta.sequence, delta.part) : null;
    const own = this.learning.replica.read(id, delta.payload);
    this.#snapshots?.noteDelta(record.value?.length ?? 0);
    publish('isthmus:delta', {
      app: this.app,
      partition: record.partition,
      own,
      bytes: record.value?.length ?? 0,
      seconds: (performance.now() - begin) / 1000,
      timestampMs: record.timestampMs,
    });
  }
}
