import type { Clock } from '../clock.js';
import type { Cluster } from '../cluster/cluster.js';
import type { Places } from '../cluster/places.js';
import type { Standbys } from '../cluster/standbys.js';
import type { Config } from '../config.js';
import type { DeltaReader } from '../consumers/delta-reader.js';
import { publish } from '../diagnostics.js';
import type {
  BlendView,
  InstanceView,
  ModelState,
  Readiness,
  ServiceView,
  StandbyView,
  TaskView,
  TrustView,
  UserPlace,
  WayView,
} from '../http/view.js';
import type { ItemsWork } from '../items/work.js';
import { digestSlices } from '../online/digest.js';
import { learnedHalfLife } from '../online/encoders/half-life.js';
import { takesFitted } from '../online/fitting/ways.js';
import { Deviations } from '../online/stacking/deviations.js';
import { Stack } from '../online/stacking/stack.js';
import type { ChosenTower } from '../online/tower/backend.js';
import { transferNorms } from '../online/transfer-norms.js';
import { Trust } from '../online/trust/trust.js';
import type { Recommendation } from '../online/types.js';
import type { User } from '../online/user.js';
import { taskName } from '../producers/records.js';
import type { RepartitionWork } from '../repartition/work.js';
import type { Serde } from '../serde/serde.js';
import { userFromRecord } from '../serde/user-state.js';
import { sliced } from '../snapshots/slices.js';
import { type SnapshotSource, takeMoment } from '../snapshots/writer.js';
import type { StreamTask } from '../tasks/stream-task.js';
import type { TaskManager } from '../tasks/task-manager.js';
import type { TaskWorker } from '../tasks/worker.js';
import { taskTopic } from '../topics.js';
import { partitionFor } from '../transport/partitioner.js';
import { VERSION } from '../version.js';
import type { Learning } from './learning.js';
import type { ModelRestore } from './model-restore.js';

/** What HTTP and metrics see of a service: reads alone. `Service` fills in the parts as it joins them. */
export abstract class ServiceFigures implements ServiceView {
  readonly app: string;
  readonly version = VERSION;
  readonly startedAtMs: number;

  protected readonly config: Config;
  protected readonly clock: Clock;
  protected readonly tower: ChosenTower;
  protected readonly serde: Serde;
  protected readonly learning: Learning;
  protected readonly cluster: Cluster;
  protected deltas: DeltaReader | null = null;
  /** Null before the deltas are read. */
  protected restoring: ModelRestore | null = null;
  protected manager: TaskManager<TaskWorker> | null = null;
  protected repartition: TaskManager<RepartitionWork> | null = null;
  /** The tasks of the items topic; none before the first item. */
  protected describing: TaskManager<ItemsWork> | null = null;
  protected warm: Standbys | null = null;
  protected places: Places | null = null;
  protected partitions = 0;
  protected waitingFor = 'connecting to Kafka';
  readonly #title: (domain: string, itemId: string) => string | undefined;

  constructor(parts: {
    readonly config: Config;
    readonly clock: Clock;
    readonly tower: ChosenTower;
    readonly serde: Serde;
    readonly learning: Learning;
    readonly cluster: Cluster;
    readonly title: (domain: string, itemId: string) => string | undefined;
  }) {
    this.app = parts.config.appId;
    this.startedAtMs = parts.clock.now();
    this.config = parts.config;
    this.clock = parts.clock;
    this.tower = parts.tower;
    this.serde = parts.serde;
    this.learning = parts.learning;
    this.cluster = parts.cluster;
    this.#title = parts.title;
  }

  /** The committed model, for hashes and snapshots. */
  protected get source(): SnapshotSource {
    const { replica } = this.learning;
    return {
      model: replica.model,
      pending: () => replica.pendingDeltas(),
      positions: () => this.deltaOffsets(),
    };
  }

  backend(): string {
    return this.tower.backend;
  }

  readiness(): Readiness {
    const manager = this.manager;
    if (manager === null || manager.assignments === 0)
      return { ok: false, reason: this.waitingFor };
    if (!manager.connected) return { ok: false, reason: 'the consumer group cannot be reached' };
    // Also where no task waits for it: questions are answered, and deltas compared, out of the model.
    if (this.restoring?.done !== true)
      return { ok: false, reason: 'the model is being read from the log' };
    const [vacant] = manager.vacant;
    if (vacant !== undefined)
      return { ok: false, reason: `the task ${taskName(vacant)} waits to start again` };
    const tasks = [...(this.repartition?.tasks ?? []), ...manager.tasks];
    const unready = tasks.find((task) => task.state !== 'running');
    if (unready === undefined) return { ok: true, reason: '' };
    return { ok: false, reason: `the task ${taskName(unready.partition)} is ${unready.state}` };
  }

  health(): Readiness {
    return { ok: true, reason: '' };
  }

  trainedEvents(): number {
    return this.learning.replica.model.trainedEvents;
  }

  deltaOffsets(): readonly bigint[] {
    return this.deltas?.positions ?? [];
  }

  async model(): Promise<ModelState> {
    const { copy, deltaOffsets } = await takeMoment(this.source, this.clock.now);
    const sha256 = await sliced(digestSlices(copy));
    publish('isthmus:digest', { app: this.app, deltaOffsets, sha256 });
    return { trainedEvents: copy.trainedEvents, deltaOffsets, sha256 };
  }

  domains(): readonly string[] {
    const { model } = this.learning.replica;
    return Array.from({ length: model.domainCount }, (_, index) => model.domainName(index));
  }

  items(): readonly { readonly domain: string; readonly rows: number }[] {
    const { model } = this.learning.replica;
    return this.domains().map((domain, index) => ({ domain, rows: model.rowsOf(index).length }));
  }

  users(): number {
    return this.running().reduce((sum, task) => sum + task.worker.userCount, 0);
  }

  /** Users of this process whose newest event has not been answered. */
  owedLists(): number {
    return this.running().reduce((sum, task) => sum + task.worker.owedCount, 0);
  }

  tableBytes(): readonly { readonly table: string; readonly bytes: number }[] {
    const { model } = this.learning.replica;
    const blocks = model.blocks().reduce((sum, [, block]) => sum + block.values.byteLength, 0);
    return [
      { table: 'items', bytes: model.items.bytes },
      { table: 'blocks', bytes: blocks },
      { table: 'content', bytes: model.content.bytes },
      { table: 'neighbours', bytes: model.neighbours.bytes },
    ];
  }

  transferNorms(): readonly {
    readonly from: string;
    readonly to: string;
    readonly norm: number;
  }[] {
    return transferNorms(this.learning.replica.model);
  }

  trust(): readonly TrustView[] {
    const { model } = this.learning.replica;
    const trust = new Trust(model, this.config.learner.distrust);
    return this.pairs().flatMap(({ source, target, ...names }) =>
      (['new', 'known'] as const).map((users) => ({
        ...names,
        users,
        trusted: trust.of(source, target, users === 'new'),
        standardErrors: trust.standardErrors(source, target, users === 'new'),
      })),
    );
  }

  ways(): readonly WayView[] {
    const { model } = this.learning.replica;
    if (this.config.learner.fitMemory === 0) return [];
    return this.pairs().map(({ source, target, ...names }) => {
      return { ...names, fitted: takesFitted(model, source, target) };
    });
  }

  /** From each domain to each other one: by index, and by name. */
  private pairs() {
    const names = this.domains();
    return names.flatMap((from, source) =>
      names.flatMap((to, target) => (target === source ? [] : [{ source, target, from, to }])),
    );
  }

  blend(): readonly BlendView[] {
    const { model } = this.learning.replica;
    const stack = new Stack(model);
    const deviations = new Deviations(model);
    return this.domains().map((domain, index) => ({
      domain,
      leaning: stack.leaningWeight(index),
      likeness: stack.likenessWeights(index),
      weights: deviations.factors(index),
    }));
  }

  halfLives(): readonly { readonly domain: string; readonly days: number }[] {
    const { model } = this.learning.replica;
    const { halfLifeDays } = this.config.learner;
    return Array.from({ length: model.domainCount }, (_, index) => ({
      domain: model.domainName(index),
      days: halfLifeDays === 'auto' ? learnedHalfLife(model, index) : halfLifeDays,
    }));
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
      ...(this.repartition?.tasks ?? []).map((task) => view(task, 0)),
      ...this.running().map((task) => view(task, task.worker.userCount)),
    ];
  }

  place(userId: string): UserPlace {
    return this.places?.of(userId) ?? { partition: 0, role: 'moving', others: [] };
  }

  async standbyLag(userId: string): Promise<number> {
    return (await this.places?.lagOf(userId)) ?? 0;
  }

  instances(): readonly InstanceView[] {
    return this.cluster.instances;
  }

  standbys(): readonly StandbyView[] {
    return this.warm?.states() ?? [];
  }

  recommendations(
    userId: string,
    domain: string | undefined,
    n: number,
  ): readonly Recommendation[] {
    const user = this.userOf(userId);
    // By name: in which order a process met the domains is its own affair.
    const domains = domain === undefined ? this.domains().toSorted() : [domain];
    return this.learning.recommender.recommend(
      domains.map((name) => ({ user: user ?? null, userId, domain: name, n })),
    );
  }

  title(domain: string, itemId: string): string | undefined {
    return this.#title(domain, itemId);
  }

  protected running(): readonly StreamTask<TaskWorker>[] {
    return this.manager?.tasks ?? [];
  }

  protected userOf(userId: string): User | undefined {
    if (this.partitions === 0) return undefined;
    const partition = partitionFor(userId, this.partitions);
    const task = this.manager?.task({ topic: taskTopic(this.config), partition });
    if (task !== undefined) return task.worker.user(userId);
    const followed = this.warm?.look(partition, userId)?.value;
    if (followed === undefined) return undefined;
    return userFromRecord(this.serde.userStates.decode(followed), this.learning.replica.model);
  }
}
