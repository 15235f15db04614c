import type { Clock } from '../clock.js';
import { describeError, IsthmusError } from '../errors.js';
import type { Logger } from '../telemetry/logger.js';
import type {
  GroupConsumer,
  GroupConsumerHandlers,
  GroupMemberInfo,
  LogRecord,
  TopicPartition,
} from '../transport/transport.js';
import type { TaskWork } from './cycle.js';
import type { StreamTask, TaskEnd } from './stream-task.js';

export interface TaskManagerOptions<W extends TaskWork> {
  readonly consumer: GroupConsumer;
  readonly logger: Logger;
  /** Makes a task for a partition; it starts by itself. */
  readonly createTask: (partition: TopicPartition) => StreamTask<W>;
  /** The group as of each assignment, before tasks are started or closed. */
  readonly onMembers?: (members: readonly GroupMemberInfo[]) => void;
  /** The process cannot go on. */
  readonly onFatal: (error: unknown) => void;
  /** The group or the broker was lost, or is back. */
  readonly onConnection: (connected: boolean) => void;
  /** How long a fenced member waits for a rebalance before it joins the group anew. */
  readonly rejoinAfterMs: number;
  readonly clock: Clock;
}

interface Slot<W extends TaskWork> {
  readonly partition: TopicPartition;
  task: StreamTask<W> | null;
  /** Whether the group says that the partition is ours. */
  assigned: boolean;
  restartMs: number;
  /** The assignment (by number) that named the partition last, and the one the task started under. */
  confirmedBy: number;
  startedBy: number;
}

const RESTART_MIN_MS = 100;
const RESTART_MAX_MS = 10_000;
/** How long the group waits for a member that is closing. */
const LEAVE_AFTER_MS = 1_000;

/** Holds one task for each partition that the group assigns to this process. */
export class TaskManager<W extends TaskWork> {
  readonly #options: TaskManagerOptions<W>;
  readonly #slots = new Map<string, Slot<W>>();
  /** Call off what was to happen later. */
  readonly #later = new Set<() => void>();
  #assignments = 0;
  #connected = false;
  #closed = false;

  constructor(options: TaskManagerOptions<W>) {
    this.#options = options;
  }

  /** Joins the group. Fulfilled once the consumer runs; tasks come with the first assignment. */
  run(): Promise<void> {
    const handlers: GroupConsumerHandlers = {
      onAssigned: (partitions, members) => {
        this.#options.onMembers?.(members);
        this.#assign(partitions);
      },
      onRecords: (partition, records, highWatermark) =>
        this.#take(partition, records, highWatermark),
      onCrash: (error) => this.#options.onFatal(error),
      // It starts anew, and its start decides what becomes of an offset that is not in the log.
      onOutOfRange: (partition, offset) => {
        this.#options.logger.warn('records that were to be read next are not in the log any more', {
          ...partition,
          offset,
        });
        void this.task(partition)?.close();
      },
      onConnection: (connected) => {
        this.#connected = connected;
        this.#options.onConnection(connected);
      },
    };
    return this.#options.consumer.run(handlers);
  }

  /** Tasks that are alive, in order of partition. */
  get tasks(): readonly StreamTask<W>[] {
    return [...this.#slots.values()]
      .map((slot) => slot.task)
      .filter((task) => task !== null)
      .sort((a, b) => a.partition.partition - b.partition.partition);
  }

  /** Partitions that are ours and have no task at the moment: it starts again soon. */
  get vacant(): readonly TopicPartition[] {
    return [...this.#slots.values()]
      .filter(({ assigned, task }) => assigned && task === null)
      .map(({ partition }) => partition);
  }

  task(partition: TopicPartition): StreamTask<W> | undefined {
    return this.#slots.get(nameOf(partition))?.task ?? undefined;
  }

  /** Whether the group was joined and can be reached. */
  get connected(): boolean {
    return this.#connected;
  }

  /** How often the group has assigned partitions to us. */
  get assignments(): number {
    return this.#assignments;
  }

  /**
   * Finishes what is at hand and leaves the group; where the first takes long it leaves before, so
   * that the partitions flow elsewhere (what is not committed then is fenced, and done again there).
   */
  async close(): Promise<void> {
    this.#closed = true;
    for (const callOff of this.#later) callOff();
    const finished = Promise.all(this.tasks.map((task) => task.close()));
    const late = new AbortController();
    await Promise.race([finished, this.#options.clock.sleep(LEAVE_AFTER_MS, late.signal)]);
    late.abort();
    await this.#options.consumer.close();
    await finished;
  }

  #assign(partitions: readonly TopicPartition[]): void {
    this.#assignments += 1;
    const names = new Set(partitions.map(nameOf));
    for (const [name, slot] of this.#slots) {
      if (names.has(name)) continue;
      slot.assigned = false;
      void slot.task?.close();
    }
    for (const partition of partitions) {
      const slot = this.#slotOf(partition);
      slot.assigned = true;
      slot.confirmedBy = this.#assignments;
      if (slot.task === null) this.#startTask(slot);
      else if (slot.task.state === 'running') {
        // Still ours after a rebalance: go on where the queue ends.
        this.#options.consumer.start(partition, slot.task.queue.position);
      }
    }
    this.#options.logger.info('partitions assigned', {
      partitions: partitions.map((p) => `${p.topic}-${p.partition}`),
    });
  }

  async #take(
    partition: TopicPartition,
    records: readonly LogRecord[],
    highWatermark: bigint,
  ): Promise<void> {
    const task = this.task(partition);
    if (task?.state === 'running') await task.queue.offer(records, highWatermark);
  }

  #slotOf(partition: TopicPartition): Slot<W> {
    const name = nameOf(partition);
    let slot = this.#slots.get(name);
    if (slot === undefined) {
      slot = {
        partition,
        task: null,
        assigned: false,
        restartMs: RESTART_MIN_MS,
        confirmedBy: 0,
        startedBy: 0,
      };
      this.#slots.set(name, slot);
    }
    return slot;
  }

  #startTask(slot: Slot<W>): void {
    if (this.#closed) return;
    const task = this.#options.createTask(slot.partition);
    slot.task = task;
    slot.startedBy = slot.confirmedBy;
    void task.ended.then((end) => {
      if (task.committedOffset !== null) slot.restartMs = RESTART_MIN_MS;
      this.#onEnd(slot, end);
    });
  }

  #onEnd(slot: Slot<W>, end: TaskEnd): void {
    const assignments = this.#assignments;
    slot.task = null;
    if (this.#closed) return;
    switch (end.kind) {
      case 'fatal':
        this.#options.onFatal(end.error);
        return;
      case 'closed':
        if (slot.assigned) this.#startTask(slot);
        return;
      case 'restart':
        this.#options.logger.warn('a task starts again', {
          ...slot.partition,
          afterMs: slot.restartMs,
          error: end.error,
        });
        this.#after(slot.restartMs, () => {
          if (slot.assigned && slot.task === null) this.#startTask(slot);
        });
        slot.restartMs = Math.min(RESTART_MAX_MS, slot.restartMs * 2);
        return;
      case 'fenced':
        // The group has taken the partition away already, and its new owner was quicker than we.
        if (!slot.assigned) return;
        if (slot.confirmedBy > slot.startedBy) {
          // It was another's meanwhile (we were frozen, or cut off), and the group has given it back.
          this.#startTask(slot);
          return;
        }
        // Somebody else has the partition. A task that started again by itself could fence its
        // rightful owner, so only the group decides: wait for its word, or ask for it.
        slot.assigned = false;
        this.#options.logger.warn('a task was fenced: the partition has another owner', {
          ...slot.partition,
          reason: describeError(end.error),
        });
        this.#after(this.#options.rejoinAfterMs, () => {
          if (this.#assignments === assignments) this.#rejoin();
        });
    }
  }

  #rejoin(): void {
    this.#options.consumer.rejoin().catch((error: unknown) => {
      this.#options.onFatal(
        new IsthmusError('GROUP_LOST', 'fatal', 'the consumer group could not be joined again', {
          cause: error,
        }),
      );
    });
  }

  #after(milliseconds: number, action: () => void): void {
    const callOff = this.#options.clock.later(milliseconds, () => {
      this.#later.delete(callOff);
      if (!this.#closed) action();
    });
    this.#later.add(callOff);
  }
}

function nameOf(partition: TopicPartition): string {
  return `${partition.topic}/${partition.partition}`;
}
