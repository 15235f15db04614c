import { partitionMissing, topicMissing } from '../errors.js';
import { createPartitioner } from '../partitioner.js';
import type { Headers, OutgoingRecord, TopicSpec } from '../transport.js';
import { MemoryGroup } from './groups.js';
import { MemoryPartition } from './partition.js';
import { TransactionCoordinator } from './transactions.js';

export interface MemoryLogOptions {
  /** Gives records their time where they bring none. Milliseconds since the epoch. */
  readonly clock?: () => number;
}

/** A record with its partition chosen and its bytes in buffers, ready to be appended. */
export interface PreparedRecord {
  readonly target: MemoryPartition;
  readonly record: {
    timestampMs: number;
    key: Buffer | null;
    value: Buffer | null;
    headers: Headers;
  };
}

const noHeaders: Headers = Object.freeze({});

function toBuffer(value: Buffer | string): Buffer {
  return typeof value === 'string' ? Buffer.from(value) : value;
}

function toHeaders(headers: OutgoingRecord['headers']): Headers {
  if (headers === undefined) return noHeaders;
  const result: Record<string, Buffer> = {};
  for (const [name, value] of Object.entries(headers)) result[name] = toBuffer(value);
  return result;
}

/**
 * The in-memory log: topics, partitions, transactions, groups. It stands for the broker; several
 * transports (each a process of its own) may share one.
 */
export class MemoryLog {
  readonly transactions = new TransactionCoordinator(this);
  readonly #topics = new Map<string, MemoryPartition[]>();
  readonly #groups = new Map<string, MemoryGroup>();
  readonly #clock: () => number;
  readonly #choose = createPartitioner();

  constructor(options: MemoryLogOptions = {}) {
    this.#clock = options.clock ?? Date.now;
  }

  *topics(): IterableIterator<{ topic: string; partitions: number }> {
    for (const [topic, partitions] of this.#topics) yield { topic, partitions: partitions.length };
  }

  /** Returns whether it was created now. */
  createTopic(spec: TopicSpec): boolean {
    if (this.#topics.has(spec.topic)) return false;
    const partitions: MemoryPartition[] = [];
    for (let i = 0; i < spec.partitions; i++) partitions.push(new MemoryPartition(spec.topic, i));
    this.#topics.set(spec.topic, partitions);
    for (const group of this.#groups.values()) if (group.size > 0) group.rebalance();
    return true;
  }

  deleteTopic(topic: string): void {
    if (!this.#topics.delete(topic)) return;
    for (const group of this.#groups.values()) {
      group.forget(topic);
      if (group.size > 0) group.rebalance();
    }
  }

  hasTopic(topic: string): boolean {
    return this.#topics.has(topic);
  }

  /** Throws TOPIC_MISSING. */
  partitions(topic: string): readonly MemoryPartition[] {
    const partitions = this.#topics.get(topic);
    if (partitions === undefined) throw topicMissing(topic);
    return partitions;
  }

  /** Throws TOPIC_MISSING, PARTITION_MISSING. */
  partition(topic: string, partition: number): MemoryPartition {
    const found = this.partitions(topic)[partition];
    if (found === undefined) throw partitionMissing(topic, partition);
    return found;
  }

  group(groupId: string): MemoryGroup {
    let group = this.#groups.get(groupId);
    if (group === undefined) {
      group = new MemoryGroup(() => this.topics());
      this.#groups.set(groupId, group);
    }
    return group;
  }

  /** Chooses the partitions. Throws before anything is written. */
  prepare(records: readonly OutgoingRecord[]): PreparedRecord[] {
    return records.map((record) => {
      const partitions = this.partitions(record.topic);
      const target = this.partition(record.topic, this.#choose(record, partitions.length));
      return {
        target,
        record: {
          timestampMs: record.timestampMs ?? this.#clock(),
          key: record.key === null ? null : toBuffer(record.key),
          value: record.value,
          headers: toHeaders(record.headers),
        },
      };
    });
  }

  /** Appends outside any transaction. */
  append(records: readonly PreparedRecord[]): void {
    const touched = new Set<MemoryPartition>();
    for (const { target, record } of records) {
      target.append(record, null);
      touched.add(target);
    }
    for (const partition of touched) partition.wake();
  }

  /** Appends to the open transaction of the id. Throws PRODUCER_FENCED. */
  appendTransactional(id: string, epoch: number, records: readonly PreparedRecord[]): void {
    for (const { target, record } of records) {
      target.append(record, this.transactions.join(id, epoch, target));
    }
  }
}
