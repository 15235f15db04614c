import { randomUUID } from 'node:crypto';
import { setImmediate as breathe } from 'node:timers/promises';
import { type Clock, systemClock } from './clock.js';
import { advertisedUrl } from './cluster/advertised.js';
import { Cluster, describeInstance } from './cluster/cluster.js';
import { Places } from './cluster/places.js';
import { Standbys } from './cluster/standbys.js';
import type { Config } from './config.js';
import { DeltaReader } from './consumers/delta-reader.js';
import { RecordQueue } from './consumers/record-queue.js';
import { publish } from './diagnostics.js';
import { describeError, IsthmusError } from './errors.js';
import { type HttpServer, startHttpServer } from './http/server.js';
import type {
  InstanceView,
  ModelState,
  Readiness,
  ServiceView,
  StandbyView,
  TaskView,
  UserPlace,
} from './http/view.js';
import { createMetrics, type Metrics } from './metrics/metrics.js';
import { decodeDelta } from './online/delta-codec.js';
import { Engine, type EngineParts } from './online/engine.js';
import { simdMemory } from './online/kernels/memory.js';
import { scan } from './online/kernels/simd-scan.js';
import { Learner } from './online/learner.js';
import { Model } from './online/model.js';
import { Preprocessor } from './online/preprocess/preprocessor.js';
import { Prequential } from './online/prequential.js';
import { Recommender } from './online/serving/recommender.js';
import { type ChosenTower, createTower } from './online/tower/backend.js';
import { typicalWork } from './online/tower/calibrate.js';
import { transferNorms } from './online/transfer-norms.js';
import type { Recommendation } from './online/types.js';
import type { User } from './online/user.js';
import { AtLeastOnceOutput, type OutputSession, TransactionalOutput } from './producers/output.js';
import { RecordMaker, taskName } from './producers/records.js';
import { repartitionStep } from './repartition/step.js';
import type { RepartitionWork } from './repartition/work.js';
import { openSerde } from './serde/open.js';
import type { Serde } from './serde/serde.js';
import { userFromRecord } from './serde/user-state.js';
import { Snapshotter } from './snapshots/snapshotter.js';
import { EventDecoder } from './tasks/event-decoder.js';
import { ModelReplica, ownDeltaId } from './tasks/replica.js';
import { restoreUsers } from './tasks/restore-users.js';
import { StartOffsets } from './tasks/start-offset.js';
import { StreamTask } from './tasks/stream-task.js';
import { TaskManager } from './tasks/task-manager.js';
import { TaskWorker } from './tasks/worker.js';
import type { Logger } from './telemetry/logger.js';
import type { Tracing } from './telemetry/tracing.js';
import { checkTopics, taskTopic } from './topics.js';
import { partitionFor } from './transport/partitioner.js';
import type {
  GroupConsumer,
  LogAdmin,
  LogReader,
  LogRecord,
  TopicPartition,
  Transport,
} from './transport/transport.js';
import { VERSION } from './version.js';

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

/**
 * One process of the application: consumers, tasks, learner, producers, HTTP and metrics, joined.
 *
 *     const service = await Service.create(parts);
 *     await service.start();        // HTTP answers; Kafka is joined in the background
 *     await service.ended;          // rejects where the process cannot go on
 *     await service.close();
 */
export class Service implements ServiceView {
  readonly app: string;
  readonly version = VERSION;
  readonly startedAtMs: number;
  /** Rejects with the error that ends the process; fulfilled after `close`. */
  readonly ended: Promise<void>;

  readonly #config: Config;
  readonly #parts: ServiceParts;
  readonly #tower: ChosenTower;
  readonly #serde: Serde;
  readonly #replica: ModelReplica;
  readonly #recommender: Recommender;
  readonly #engine: Engine;
  readonly #decoder: EventDecoder;
  readonly #records: RecordMaker;
  readonly #process = randomUUID();
  readonly #metrics: Metrics | null;
  readonly #clock: Clock;
  readonly #stopping = new AbortController();
  #http: HttpServer | null = null;
  #admin: LogAdmin | null = null;
  #reader: LogReader | null = null;
  #deltas: DeltaReader | null = null;
  #snapshots: Snapshotter | null = null;
  #manager: TaskManager<TaskWorker> | null = null;
  #partitions = 0;
  #startOffsets: StartOffsets | null = null;
  readonly #cluster = new Cluster();
  #standbys: Standbys | null = null;
  #repartition: TaskManager<RepartitionWork> | null = null;
  #places: Places | null = null;
  #misplacedSeen = false;
  #waitingFor = 'connecting to Kafka';
  #fail: (error: unknown) => void = () => {};
  #finish: () => void = () => {};

  private constructor(parts: ServiceParts, tower: ChosenTower, serde: Serde) {
    const { config } = parts;
    this.#parts = parts;
    this.#config = config;
    this.#tower = tower;
    this.#serde = serde;
    this.#clock = parts.clock ?? systemClock;
    this.app = config.appId;
    this.startedAtMs = this.#clock.now();
    const model = new Model(
      {
        seed: config.learner.seed,
        dimension: config.learner.dimension,
        initialScale: config.learner.initialScale,
      },
      simdMemory(config.learner.dimension) ?? undefined,
    );
    this.#replica = new ModelReplica(model);
    const preprocessor = new Preprocessor(config);
    const learner = new Learner(model, tower.tower, config.learner);
    const makeEngine = parts.engine ?? ((engineParts: EngineParts) => new Engine(engineParts));
    this.#engine = makeEngine({
      model,
      learner,
      preprocessor,
      prequential: new Prequential(model, tower.tower, {
        seed: config.learner.seed,
        encoder: learner.encoder,
        blend: learner.options,
      }),
    });
    this.#recommender = new Recommender(model, tower.tower, {
      exclude: config.excludeTouched === 'same-domain' ? 'domain' : config.excludeTouched,
      encoder: learner.encoder,
      blend: learner.options,
      scan,
    });
    this.#decoder = new EventDecoder(serde, preprocessor);
    this.#records = new RecordMaker({
      app: config.appId,
      process: this.#process,
      maxRecordBytes: config.maxRecordBytes,
      topics: {
        recommendations: config.recommendationsTopic,
        deadLetters: config.deadLetterTopic,
        userState: config.userStateTopic,
        modelDeltas: config.modelDeltasTopic,
      },
      serde,
      model,
      now: this.#clock.now,
    });
    this.#metrics = parts.http === false ? null : createMetrics(this);
    this.ended = new Promise((resolve, reject) => {
      this.#finish = resolve;
      this.#fail = reject;
    });
    // Whoever does not ask for it still must not bring the process down by an unhandled rejection.
    this.ended.catch(() => undefined);
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
    return new Service(
      parts,
      tower,
      parts.serde ??
        (await openSerde(config.schemaRegistryUrl, {
          RecommendationList: config.recommendationsTopic,
        })),
    );
  }

  /** Opens HTTP and begins to join Kafka. Errors: PORT_IN_USE (usage). */
  async start(): Promise<void> {
    if (this.#metrics !== null) {
      this.#http = await startHttpServer({
        host: this.#config.httpHost,
        port: this.#config.httpPort,
        view: this,
        registry: this.#metrics.registry,
        logger: this.#parts.logger,
      });
      this.#parts.logger.info(`listening on ${this.#http.url}`, { url: this.#http.url });
    }
    this.#connect().catch((error: unknown) => this.#end(error));
  }

  /** Where HTTP listens. */
  get url(): string {
    return this.#http?.url ?? '';
  }

  /** Where other processes reach it. */
  get #advertised(): string {
    const { advertisedUrl: given, httpHost, httpPort } = this.#config;
    return given ?? advertisedUrl(httpHost, this.#http?.port ?? httpPort);
  }

  /**
   * Stops fetching, finishes and commits what is at hand, leaves the group, closes everything.
   * May be called at any time and more than once.
   */
  async close(): Promise<void> {
    if (!this.#stopping.signal.aborted) {
      this.#stopping.abort(new Error('the service is closing'));
      await Promise.all([this.#repartition?.close(), this.#manager?.close()]);
      this.#standbys?.close();
      await this.#snapshots?.close();
      this.#deltas?.stop();
      await this.#reader?.close();
      await this.#admin?.close();
      await this.#http?.close();
      this.#metrics?.close();
      this.#finish();
    }
    await this.ended.catch(() => undefined);
  }

  // --- joining Kafka ---------------------------------------------------------------------------

  async #connect(): Promise<void> {
    const { transport } = this.#parts;
    this.#admin = await this.#untilReached(() => transport.admin());
    const admin = this.#admin;
    this.#partitions = checkTopics(
      this.#config,
      await this.#untilReached(() => admin.listTopics()),
    );
    this.#waitingFor = 'reading the model from the log';
    const { modelDeltasTopic: modelDeltas, userStateTopic: userState } = this.#config;
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
      },
    });
    const snapshots = this.#createSnapshots(admin);
    this.#snapshots = snapshots;
    deltas.start(await this.#untilReached(() => snapshots.restore()));
    this.#deltas = deltas;
    snapshots.start();
    this.#waitingFor = 'joining the consumer group';
    const consumer = transport.groupConsumer({
      groupId: this.app,
      topics: [taskTopic(this.#config)],
      sessionTimeoutMs: this.#config.sessionTimeoutMs,
      maxWaitMs: Math.min(50, this.#config.commitIntervalMs),
      concurrency: Math.max(1, this.#partitions),
      claim: () => ({
        data: describeInstance(this.#process, this.#advertised),
        warm: this.#standbys?.warm() ?? [],
      }),
    });
    this.#joinCluster(admin, reader);
    this.#manager = new TaskManager({
      consumer,
      onMembers: (members) => {
        this.#cluster.update(members);
        this.#standbys?.update();
      },
      logger: this.#parts.logger,
      createTask: (partition) => this.#createTask(partition, consumer),
      onFatal: (error) => this.#end(error),
      onConnection: (connected) => publish('isthmus:connection', { app: this.app, connected }),
      rejoinAfterMs: this.#config.sessionTimeoutMs,
      clock: this.#clock,
    });
    this.#startOffsets = new StartOffsets({
      app: this.app,
      groupId: this.app,
      admin,
      policy: this.#config.offsetReset,
      logger: this.#parts.logger,
    });
    if (this.#config.repartition) this.#repartition = this.#createRepartition(admin);
    if (this.#stopping.signal.aborted) return;
    await Promise.all([this.#manager.run(), this.#repartition?.run()]);
  }

  #createRepartition(admin: LogAdmin): TaskManager<RepartitionWork> {
    return repartitionStep({
      config: this.#config,
      transport: this.#parts.transport,
      admin,
      decoder: this.#decoder,
      tracing: this.#parts.tracing,
      logger: this.#parts.logger,
      clock: this.#clock,
      onFatal: (error) => this.#end(error),
    });
  }

  #joinCluster(admin: LogAdmin, reader: LogReader): void {
    const config = this.#config;
    const cluster = this.#cluster;
    const common = { cluster, admin, topic: taskTopic(config), partitions: this.#partitions };
    const standbys = new Standbys({
      ...common,
      app: this.app,
      count: config.standbys,
      changelog: config.userStateTopic,
      reader,
      logger: this.#parts.logger,
      clock: this.#clock,
    });
    this.#standbys = standbys;
    this.#places = new Places({
      ...common,
      standbys,
      standbyCount: config.standbys,
      changelog: config.userStateTopic,
      taskState: (place) => this.#manager?.task(place)?.state,
    });
  }

  #createSnapshots(admin: LogAdmin): Snapshotter {
    const config = this.#config;
    return new Snapshotter({
      settings: {
        app: this.app,
        snapshotTopic: config.modelSnapshotsTopic,
        deltaTopic: config.modelDeltasTopic,
        intervalMs: config.snapshotIntervalMs,
        deltaBytes: config.snapshotDeltaBytes,
        keep: config.snapshotKeep,
        transactionTimeoutMs: config.transactionTimeoutMs,
      },
      transport: this.#parts.transport,
      admin,
      serde: this.#serde,
      logger: this.#parts.logger,
      clock: this.#clock,
      source: {
        model: this.#replica.model,
        pending: () => this.#replica.pendingDeltas(),
        positions: () => this.deltaOffsets(),
      },
      isWriter: () =>
        this.#tasks().some((task) => task.partition.partition === 0 && task.state === 'running'),
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
        this.#waitingFor = describeError(error);
        this.#parts.logger.warn('Kafka cannot be reached yet', { retryMs: waitMs, error });
        await this.#clock.sleep(waitMs, this.#stopping.signal);
      }
    }
  }

  #end(error: unknown): void {
    if (this.#stopping.signal.aborted) return;
    this.#waitingFor = describeError(error);
    this.#fail(error);
  }

  #applyDelta(record: LogRecord): void {
    const begin = performance.now();
    const delta = this.#serde.deltas.decode(record.value);
    const mine = delta.process === this.#process;
    const id = mine ? ownDeltaId(delta.task, delta.sequence, delta.part) : null;
    const own = this.#replica.read(id, () => decodeDelta(delta.payload));
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

  // --- tasks -----------------------------------------------------------------------------------

  #createTask(partition: TopicPartition, consumer: GroupConsumer): StreamTask<TaskWorker> {
    const config = this.#config;
    const logger = this.#parts.logger.child({ task: taskName(partition) });
    const worker = new TaskWorker(
      {
        app: this.app,
        partition,
        partitions: this.#partitions,
        miniBatch: config.miniBatch,
        topN: config.topN,
        targetDomains: config.targetDomains,
        listIntervalMs: config.listIntervalMs,
        catchUpLag: config.catchUpLagRecords,
        prequentialShare: config.prequentialSample,
      },
      {
        decoder: this.#decoder,
        engine: this.#engine,
        recommender: this.#recommender,
        replica: this.#replica,
        records: this.#records,
        tracing: this.#parts.tracing,
        now: this.#clock.now,
        breathe: async () => {
          await breathe();
        },
        onMisplaced: (record) => this.#warnOfMisplaced(record),
      },
    );
    return new StreamTask(partition, {
      settings: {
        app: this.app,
        commitIntervalMs: config.commitIntervalMs,
        maxTransactionEvents: config.maxTransactionEvents,
        miniBatch: config.miniBatch,
        miniBatchCut: config.miniBatchCut,
      },
      output: () => this.#output(partition, consumer),
      worker,
      queue: new RecordQueue(config.maxTransactionEvents * 2, 0n),
      logger,
      host: {
        committedOffset: () => this.#startOffsets!.of(partition),
        restore: (signal) => this.#restore(partition, worker, signal),
        seek: (offset) => consumer.start(partition, offset),
        now: this.#clock.now,
        sleep: (milliseconds, signal) => this.#clock.sleep(milliseconds, signal),
      },
    });
  }

  async #output(partition: TopicPartition, consumer: GroupConsumer): Promise<OutputSession> {
    const { transport } = this.#parts;
    if (this.#config.delivery === 'at-least-once') {
      return new AtLeastOnceOutput(await transport.producer(), consumer);
    }
    const id = `${this.app}-${taskName(partition)}`;
    return new TransactionalOutput(
      await transport.transactionalProducer(id, this.#config.transactionTimeoutMs),
      this.app,
    );
  }

  #warnOfMisplaced({ topic, partition, offset }: LogRecord): void {
    if (this.#misplacedSeen) return;
    this.#misplacedSeen = true;
    this.#parts.logger.warn(
      'an event came in another partition than its user belongs in, and there may be more: the input is not keyed by user as the Java client does (murmur2). Its users are learned in pieces; ISTHMUS_REPARTITION=true mends that',
      { topic, partition, offset, metric: 'isthmus_misplaced_events_total' },
    );
  }

  /** Users from the changelog partition; the model up to the end of the deltas comes first. */
  async #restore(
    partition: TopicPartition,
    worker: TaskWorker,
    signal: AbortSignal,
  ): Promise<void> {
    const admin = this.#admin!;
    const { modelDeltasTopic, userStateTopic } = this.#config;
    // All that is committed. Open transactions of other tasks are not waited for: that would be until
    // somebody fences a dead one. Ours was ended when this task was fenced off.
    const stable = await admin.lastStable(modelDeltasTopic);
    await this.#deltas!.reached(
      stable.map((high) => ({ low: 0n, high })),
      signal,
    );
    const users = await restoreUsers(
      { topic: userStateTopic, partition: partition.partition },
      this.#standbys?.take(partition.partition) ?? null,
      {
        app: this.app,
        admin,
        reader: this.#reader!,
        serde: this.#serde,
        model: this.#replica.model,
        signal,
      },
    );
    worker.restored(users);
  }

  // --- what HTTP and metrics see ------------------------------------------------------------------

  backend(): string {
    return this.#tower.backend;
  }

  readiness(): Readiness {
    const manager = this.#manager;
    if (manager === null || manager.assignments === 0)
      return { ok: false, reason: this.#waitingFor };
    if (!manager.connected) return { ok: false, reason: 'the consumer group cannot be reached' };
    const [vacant] = manager.vacant;
    if (vacant !== undefined)
      return { ok: false, reason: `the task ${taskName(vacant)} waits to start again` };
    const tasks = [...(this.#repartition?.tasks ?? []), ...manager.tasks];
    const unready = tasks.find((task) => task.state !== 'running');
    if (unready === undefined) return { ok: true, reason: '' };
    return { ok: false, reason: `the task ${taskName(unready.partition)} is ${unready.state}` };
  }

  health(): Readiness {
    return { ok: true, reason: '' };
  }

  trainedEvents(): number {
    return this.#replica.model.trainedEvents;
  }

  deltaOffsets(): readonly bigint[] {
    return this.#deltas?.positions ?? [];
  }

  model(): ModelState {
    return this.#replica.committed((model) => ({
      trainedEvents: model.trainedEvents,
      deltaOffsets: [...this.deltaOffsets()],
      sha256: model.digest(),
    }));
  }

  domains(): readonly string[] {
    const { model } = this.#replica;
    return Array.from({ length: model.domainCount }, (_, index) => model.domainName(index));
  }

  items(): readonly { readonly domain: string; readonly rows: number }[] {
    const { model } = this.#replica;
    return this.domains().map((domain, index) => ({ domain, rows: model.rowsOf(index).length }));
  }

  users(): number {
    return this.#tasks().reduce((sum, task) => sum + task.worker.userCount, 0);
  }

  /** Users of this process whose newest event has not been answered. */
  owedLists(): number {
    return this.#tasks().reduce((sum, task) => sum + task.worker.owedCount, 0);
  }

  tableBytes(): readonly { readonly table: string; readonly bytes: number }[] {
    const { model } = this.#replica;
    const blocks = model.blocks().reduce((sum, [, block]) => sum + block.values.byteLength, 0);
    return [
      { table: 'items', bytes: model.items.bytes },
      { table: 'blocks', bytes: blocks },
    ];
  }

  transferNorms(): readonly {
    readonly from: string;
    readonly to: string;
    readonly norm: number;
  }[] {
    return transferNorms(this.#replica.model);
  }

  tasks(): readonly TaskView[] {
    const view = (task: StreamTask, users: number): TaskView => ({
      ...task.partition,
      state: task.state,
      position: task.committedOffset,
      lagRecords: task.committedOffset === null ? null : task.lagRecords,
      users,
    });
    return [
      ...(this.#repartition?.tasks ?? []).map((task) => view(task, 0)),
      ...this.#tasks().map((task) => view(task, task.worker.userCount)),
    ];
  }

  place(userId: string): UserPlace {
    return this.#places?.of(userId) ?? { partition: 0, role: 'moving', others: [] };
  }

  async standbyLag(userId: string): Promise<number> {
    return (await this.#places?.lagOf(userId)) ?? 0;
  }

  instances(): readonly InstanceView[] {
    return this.#cluster.instances;
  }

  standbys(): readonly StandbyView[] {
    return this.#standbys?.states() ?? [];
  }

  recommendations(
    userId: string,
    domain: string | undefined,
    n: number,
  ): readonly Recommendation[] {
    const user = this.#user(userId);
    const domains = domain === undefined ? this.domains() : [domain];
    return this.#recommender.recommend(
      domains.map((name) => ({ user: user ?? null, userId, domain: name, n })),
    );
  }

  title(domain: string, itemId: string): string | undefined {
    return this.#parts.title?.(domain, itemId);
  }

  #tasks(): readonly StreamTask<TaskWorker>[] {
    return this.#manager?.tasks ?? [];
  }

  #user(userId: string): User | undefined {
    if (this.#partitions === 0) return undefined;
    const partition = partitionFor(userId, this.#partitions);
    const task = this.#manager?.task({ topic: taskTopic(this.#config), partition });
    if (task !== undefined) return task.worker.user(userId);
    const followed = this.#standbys?.look(partition, userId)?.value;
    if (followed === undefined) return undefined;
    return userFromRecord(this.#serde.userStates.decode(followed), this.#replica.model);
  }
}
