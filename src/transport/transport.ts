/**
 * The small interface to the log that everything else speaks. Adapters: `kafka/` (kafkajs) and
 * `memory/` (in process; has transactions, fencing and read_committed too). Both pass the same
 * contract tests. Bytes in, bytes out: Avro is not known here.
 */

export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

export type Headers = Readonly<Record<string, Buffer>>;

export interface LogRecord extends TopicPartition {
  readonly offset: bigint;
  /** CreateTime in milliseconds since the epoch. */
  readonly timestampMs: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Headers;
}

export interface OutgoingRecord {
  readonly topic: string;
  /** Where it is left out, murmur2 of the key decides (as the Java client's default partitioner). */
  readonly partition?: number;
  readonly key: Buffer | string | null;
  readonly value: Buffer | null;
  readonly headers?: Readonly<Record<string, Buffer | string>>;
  readonly timestampMs?: number;
}

export interface TopicSpec {
  readonly topic: string;
  readonly partitions: number;
  readonly replicationFactor?: number;
  readonly config?: Readonly<Record<string, string>>;
}

export interface TopicInfo {
  readonly topic: string;
  readonly partitions: number;
}

export interface Watermarks {
  /** First offset that is still there. */
  readonly low: bigint;
  /** High watermark: one past the last record (or transaction marker). */
  readonly high: bigint;
}

/** Administration. Unknown topics are answered, not retried for seconds. */
export interface LogAdmin {
  /** Creates those that do not exist; returns the names that it created. */
  createTopics(topics: readonly TopicSpec[]): Promise<string[]>;
  deleteTopics(topics: readonly string[]): Promise<void>;
  /** All topics with their partition counts, or those named (missing ones are left out). */
  listTopics(names?: readonly string[]): Promise<TopicInfo[]>;
  /** By partition. Throws TOPIC_MISSING. */
  watermarks(topic: string): Promise<Watermarks[]>;
  /**
   * The last stable offset, by partition: where readers stop, at the first record of the oldest open
   * transaction or at the high watermark. Throws TOPIC_MISSING.
   */
  lastStable(topic: string): Promise<bigint[]>;
  /** Committed offsets of the group by partition; null where nothing is committed. */
  committed(groupId: string, topic: string): Promise<(bigint | null)[]>;
  /** Sets the offsets of a group without members. */
  resetOffsets(groupId: string, topic: string, offsets: ReadonlyMap<number, bigint>): Promise<void>;
  /** Deletes the records below the offset, by partition. */
  deleteRecords(topic: string, below: ReadonlyMap<number, bigint>): Promise<void>;
  close(): Promise<void>;
}

/** Idempotent, no transactions. */
export interface LogProducer {
  send(records: readonly OutgoingRecord[]): Promise<void>;
  close(): Promise<void>;
}

/**
 * One transactional id. At most one transaction is open at a time.
 *
 * Errors: PRODUCER_FENCED (close-task) where another producer with this id has started;
 * TRANSACTION_ABORTABLE (retry) where the transaction must be aborted and the work done again;
 * COMMIT_OUTCOME_UNKNOWN (retry) where a commit was sent and no answer came: a later `init` (which
 * fences this producer itself) makes the outcome final, then the committed offsets tell it.
 */
export interface TransactionalProducer {
  readonly transactionalId: string;
  /** InitProducerId: fences whoever held the id and ends its open transaction. May be called again. */
  init(): Promise<void>;
  begin(): Promise<Transaction>;
  close(): Promise<void>;
}

export interface Transaction {
  send(records: readonly OutgoingRecord[]): Promise<void>;
  /** `offset` is the next one to read. Needs not wait for what is being sent. */
  sendOffsets(
    groupId: string,
    offsets: readonly (TopicPartition & { offset: bigint })[],
  ): Promise<void>;
  commit(): Promise<void>;
  abort(): Promise<void>;
}

/** What a member tells the group when it joins. */
export interface MemberClaim {
  /** For the application of the others: who and where this member is, say. A kilobyte at most. */
  readonly data: string;
  /** Partitions that it could take over sooner than others. */
  readonly warm: readonly TopicPartition[];
}

/** A member of the group, as all members are told of it with each assignment. */
export interface GroupMemberInfo {
  /** What it has told; empty for a member that tells nothing. */
  readonly data: string;
  readonly partitions: readonly TopicPartition[];
  /** Whether this is the member that is told. */
  readonly self: boolean;
}

export interface GroupConsumerHandlers {
  /**
   * The partitions that this member now has (all of them, after each rebalance). They are paused
   * until `start` is called for each. Partitions that it had before and that are missing here are
   * lost. `members`: the whole group as of this assignment, the same for all, in the same order.
   */
  onAssigned(partitions: readonly TopicPartition[], members: readonly GroupMemberInfo[]): void;
  /**
   * Records of one partition in order of offset, after `start`. The next ones of this partition
   * come when the promise is fulfilled (backpressure); other partitions go on. `highWatermark` as
   * of the fetch. After a rebalance or a `start` records may be delivered again.
   */
  onRecords(
    partition: TopicPartition,
    records: readonly LogRecord[],
    highWatermark: bigint,
  ): Promise<void>;
  /** The consumer stopped for good (it retries by itself whatever can be retried). */
  onCrash(error: Error): void;
  /**
   * The offset to be read is not in the log. The partition is paused; the others go on. Where this
   * is left out the consumer crashes with OFFSET_OUT_OF_RANGE.
   */
  onOutOfRange?(partition: TopicPartition, offset: bigint): void;
  /** Whether the group and the broker can be reached; called on each change. */
  onConnection?(connected: boolean): void;
}

export interface GroupConsumerOptions {
  readonly groupId: string;
  /** Names or patterns. */
  readonly topics: readonly (string | RegExp)[];
  readonly sessionTimeoutMs: number;
  readonly heartbeatIntervalMs?: number;
  /** The longest that a fetch waits for new records. */
  readonly maxWaitMs: number;
  readonly maxBytesPerPartition?: number;
  /** How many partitions may be in `onRecords` at once. */
  readonly concurrency: number;
  /** Asked each time that this member joins. */
  readonly claim?: () => MemberClaim;
}

/**
 * A member of a consumer group. Offsets are never committed by itself. Isolation: read_committed.
 * Partitions are dealt as assignor.ts says: evenly, and as they were before as far as that goes.
 */
export interface GroupConsumer {
  run(handlers: GroupConsumerHandlers): Promise<void>;
  /**
   * Fetches the partition from `offset` on (seek and resume). Nothing that was fetched before is
   * delivered after it.
   */
  start(partition: TopicPartition, offset: bigint): void;
  /** Stops fetching the partition until the next `start`. */
  pause(partition: TopicPartition): void;
  /** Commits outside a transaction (at-least-once delivery). */
  commit(offsets: readonly (TopicPartition & { offset: bigint })[]): Promise<void>;
  /** Leaves the group and joins it again: a fresh assignment follows. */
  rejoin(): Promise<void>;
  /** Leaves the group. */
  close(): Promise<void>;
}

export interface FollowHandlers {
  /**
   * Records in order; may be empty where only transaction markers or aborted records were passed.
   * `position` is the offset after all that was passed, `highWatermark` as of the fetch. Records may
   * be delivered again (unseen.ts).
   */
  onRecords(
    records: readonly LogRecord[],
    position: bigint,
    highWatermark: bigint,
  ): Promise<void> | void;
}

export interface Subscription {
  /** The next offset to be read: all below it was delivered, aborted or a marker. */
  readonly position: bigint;
  stop(): void;
}

/**
 * Reads any partitions of the given topics from any offset, outside the application's group,
 * read_committed. One for the whole process.
 */
export interface LogReader {
  run(): Promise<void>;
  follow(partition: TopicPartition, from: bigint, handlers: FollowHandlers): Subscription;
  close(): Promise<void>;
}

export interface Transport {
  readonly name: 'kafka' | 'memory';
  admin(): Promise<LogAdmin>;
  producer(): Promise<LogProducer>;
  transactionalProducer(transactionalId: string, timeoutMs: number): Promise<TransactionalProducer>;
  groupConsumer(options: GroupConsumerOptions): GroupConsumer;
  /** `topics`: those that may be followed. `onCrash` as for the group consumer. */
  reader(topics: readonly string[], onCrash: (error: Error) => void): LogReader;
  close(): Promise<void>;
}
