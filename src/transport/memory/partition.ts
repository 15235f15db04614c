import type { LogRecord, TopicPartition } from '../transport.js';

/** A transaction as the log sees it. Its records are read once it is committed, never if aborted. */
export interface MemoryTransactionState {
  outcome: 'open' | 'committed' | 'aborted';
}

/** One offset of the log. `record` null: a transaction marker. */
interface Entry {
  readonly record: LogRecord | null;
  readonly transaction: MemoryTransactionState | null;
}

export interface ReadResult {
  readonly records: LogRecord[];
  /** The offset after all that was passed. */
  readonly position: number;
}

function sizeOf(record: LogRecord): number {
  return (record.key?.length ?? 0) + (record.value?.length ?? 0) + 40;
}

/**
 * One partition of the in-memory log. As in Kafka, the end of a transaction takes an offset of its
 * own (the marker), and readers stop below the first record of the oldest open transaction (the last
 * stable offset).
 */
export class MemoryPartition implements TopicPartition {
  readonly topic: string;
  readonly partition: number;
  #entries: Entry[] = [];
  #low = 0;
  readonly #open = new Map<MemoryTransactionState, number>();
  #waiters: (() => void)[] = [];

  constructor(topic: string, partition: number) {
    this.topic = topic;
    this.partition = partition;
  }

  get low(): number {
    return this.#low;
  }

  get high(): number {
    return this.#low + this.#entries.length;
  }

  /** One past the last record that a read_committed reader may pass. */
  get lastStable(): number {
    let stable = this.high;
    for (const first of this.#open.values()) if (first < stable) stable = first;
    return stable;
  }

  /** Appends and returns the record as it stands in the log. */
  append(
    record: Omit<LogRecord, 'topic' | 'partition' | 'offset'>,
    transaction: MemoryTransactionState | null,
  ): LogRecord {
    const offset = this.high;
    if (transaction !== null && !this.#open.has(transaction)) this.#open.set(transaction, offset);
    const stored: LogRecord = {
      topic: this.topic,
      partition: this.partition,
      offset: BigInt(offset),
      timestampMs: record.timestampMs,
      key: record.key,
      value: record.value,
      headers: record.headers,
    };
    this.#entries.push({ record: stored, transaction });
    return stored;
  }

  /** Writes the marker of a transaction that has ended. */
  end(transaction: MemoryTransactionState): void {
    this.#open.delete(transaction);
    this.#entries.push({ record: null, transaction });
    this.wake();
  }

  /** Returns what is committed from `from` on, at most `maxRecords` records and about `maxBytes`. */
  read(from: number, maxRecords: number, maxBytes: number): ReadResult {
    const records: LogRecord[] = [];
    const end = this.lastStable;
    let position = from;
    let bytes = 0;
    while (position < end && records.length < maxRecords && bytes < maxBytes) {
      const { record, transaction } = this.#entries[position - this.#low]!;
      position += 1;
      if (record === null || transaction?.outcome === 'aborted') continue;
      records.push(record);
      bytes += sizeOf(record);
    }
    return { records, position };
  }

  /** Whether reading may begin at the offset. */
  holds(offset: number): boolean {
    return offset >= this.#low && offset <= this.high;
  }

  deleteBelow(offset: number): void {
    const count = Math.min(Math.max(offset - this.#low, 0), this.#entries.length);
    this.#entries = this.#entries.slice(count);
    this.#low += count;
    this.wake();
  }

  /** Calls `listener` once, at the next change of what can be read. */
  onceChanged(listener: () => void): void {
    this.#waiters.push(listener);
  }

  wake(): void {
    const waiters = this.#waiters;
    if (waiters.length === 0) return;
    this.#waiters = [];
    for (const waiter of waiters) waiter();
  }
}
