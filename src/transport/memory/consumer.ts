import { IsthmusError } from '../../errors.js';
import { isOutOfRange, membershipLost, topicMissing, transportClosed } from '../errors.js';
import { Semaphore } from '../semaphore.js';
import type {
  GroupConsumer,
  GroupConsumerHandlers,
  GroupConsumerOptions,
  GroupMemberInfo,
  LogRecord,
  TopicPartition,
} from '../transport.js';
import type { GroupMember, MemoryGroup } from './groups.js';
import type { MemoryLog } from './log.js';
import type { MemoryProcess } from './process.js';
import { Pump } from './pump.js';

const maxRecords = 2_000;

export class MemoryGroupConsumer implements GroupConsumer {
  readonly #log: MemoryLog;
  readonly #process: MemoryProcess;
  readonly #options: GroupConsumerOptions;
  readonly #group: MemoryGroup;
  readonly #member: GroupMember;
  readonly #slots: Semaphore;
  readonly #unlisten: () => void;
  #pumps = new Map<string, Pump>();
  #handlers: GroupConsumerHandlers | null = null;
  #generation = -1;
  #expiry: NodeJS.Timeout | null = null;
  #closed = false;

  constructor(log: MemoryLog, process: MemoryProcess, options: GroupConsumerOptions) {
    this.#log = log;
    this.#process = process;
    this.#options = options;
    this.#group = log.group(options.groupId);
    this.#slots = new Semaphore(options.concurrency);
    this.#member = {
      subscribes: (topic) => this.#subscribes(topic),
      claim: () => options.claim?.() ?? { data: '', warm: [] },
      assign: (generation, partitions, members) => {
        setImmediate(() => void this.#assigned(generation, partitions, members));
      },
    };
    this.#unlisten = process.on((event) => this.#onProcess(event));
  }

  async run(handlers: GroupConsumerHandlers): Promise<void> {
    if (this.#closed) throw transportClosed('consumer');
    for (const topic of this.#options.topics) {
      if (typeof topic === 'string' && !this.#log.hasTopic(topic)) throw topicMissing(topic);
    }
    this.#handlers = handlers;
    handlers.onConnection?.(true);
    this.#group.join(this.#member);
  }

  start(partition: TopicPartition, offset: bigint): void {
    this.#pumps.get(`${partition.topic}/${partition.partition}`)?.start(offset);
  }

  pause(partition: TopicPartition): void {
    this.#pumps.get(`${partition.topic}/${partition.partition}`)?.stop();
  }

  async commit(offsets: readonly (TopicPartition & { offset: bigint })[]): Promise<void> {
    const { groupId } = this.#options;
    await this.#process.gate('group-commit:before', { groupId });
    if (!this.#group.has(this.#member) || this.#generation !== this.#group.generation) {
      throw membershipLost(groupId);
    }
    for (const { topic, partition, offset } of offsets)
      this.#group.commit(topic, partition, offset);
    await this.#process.gate('group-commit:after', { groupId });
  }

  async rejoin(): Promise<void> {
    this.#stopPumps();
    this.#group.leave(this.#member);
    if (!this.#closed) this.#group.join(this.#member);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#unlisten();
    if (this.#expiry !== null) clearTimeout(this.#expiry);
    this.#stopPumps();
    this.#group.leave(this.#member);
  }

  #subscribes(topic: string): boolean {
    return this.#options.topics.some((wanted) =>
      typeof wanted === 'string' ? wanted === topic : wanted.test(topic),
    );
  }

  async #assigned(
    generation: number,
    partitions: readonly TopicPartition[],
    members: readonly GroupMemberInfo[],
  ): Promise<void> {
    await this.#process.gate('assign', { groupId: this.#options.groupId });
    if (this.#closed || generation !== this.#group.generation || !this.#group.has(this.#member)) {
      return;
    }
    this.#stopPumps();
    this.#generation = generation;
    this.#pumps = new Map(
      partitions.map((place) => [`${place.topic}/${place.partition}`, this.#pumpOf(place)]),
    );
    this.#handlers?.onAssigned(partitions, members);
  }

  #pumpOf(place: TopicPartition): Pump {
    return new Pump(this.#log.partition(place.topic, place.partition), {
      maxRecords,
      maxBytes: this.#options.maxBytesPerPartition ?? 1_048_576,
      deliver: (records, _position, high, isCurrent) =>
        this.#deliver(place, records, high, isCurrent),
      onError: (error) => this.#failed(place, error),
    });
  }

  #failed(place: TopicPartition, error: Error): void {
    const offset = error instanceof IsthmusError ? error.place.offset : undefined;
    const onOutOfRange = this.#handlers?.onOutOfRange?.bind(this.#handlers);
    if (isOutOfRange(error) && offset !== undefined && onOutOfRange !== undefined) {
      if (!this.#closed) onOutOfRange(place, offset);
    } else this.#crash(error);
  }

  async #deliver(
    place: TopicPartition,
    records: LogRecord[],
    high: bigint,
    isCurrent: () => boolean,
  ): Promise<void> {
    if (records.length === 0) return;
    await this.#process.gate('deliver', { ...place, groupId: this.#options.groupId });
    const times = this.#process.deliveries();
    await this.#slots.run(async () => {
      // Nothing that was read before the newest `start` may come after it.
      for (let i = 0; i < times && isCurrent(); i++) {
        await this.#handlers?.onRecords(place, records, high);
      }
    });
  }

  #onProcess(event: 'kill' | 'freeze' | 'thaw'): void {
    if (event === 'thaw') {
      if (this.#expiry !== null) clearTimeout(this.#expiry);
      this.#expiry = null;
      if (this.#handlers !== null && !this.#group.has(this.#member)) {
        this.#stopPumps();
        this.#group.join(this.#member);
      }
      return;
    }
    if (event === 'kill') {
      this.#closed = true;
      this.#stopPumps();
    }
    // A dead or frozen member is put out of its group when its session has timed out.
    this.#expiry ??= setTimeout(() => this.expire(), this.#options.sessionTimeoutMs);
    this.#expiry.unref();
  }

  /** Ends the session of a dead or frozen member now, without waiting for its timeout. */
  expire(): void {
    if (this.#expiry !== null) clearTimeout(this.#expiry);
    this.#group.leave(this.#member);
  }

  #stopPumps(): void {
    for (const pump of this.#pumps.values()) pump.stop();
    this.#pumps = new Map();
  }

  #crash(error: Error): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#stopPumps();
    this.#group.leave(this.#member);
    this.#handlers?.onCrash(error);
  }
}
