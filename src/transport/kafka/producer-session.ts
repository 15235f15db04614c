import { recordTooLarge, topicMissing } from '../errors.js';
import { createPartitioner } from '../partitioner.js';
import type { OutgoingRecord, TopicPartition } from '../transport.js';
import { disconnect, type KafkaClient, reconnect } from './client.js';
import {
  errorType,
  isConnectionFault,
  isCoordinatorFault,
  isRetriable,
  rootCause,
} from './faults.js';
import {
  type Broker,
  type Cluster,
  coordinatorTypes,
  createErrorFromCode,
  sendRequest,
} from './internals.js';
import { type Chunk, toRounds } from './outgoing.js';
import {
  type BatchForPartition,
  bumpEpochRequest,
  canBumpEpoch,
  type PartitionResult,
  produceRequest,
} from './produce-protocol.js';
import { encodeBatch } from './record-batch.js';
import { retrying } from './retry.js';

interface EncodedChunk extends BatchForPartition {
  readonly chunk: Chunk;
}

const produceTimeoutMs = 10_000;

/**
 * One producer id: its epoch, its sequence numbers, and its place in a transaction. Calls come one
 * after the other; what its errors mean is for its callers to say.
 *
 * A batch keeps its sequence number over all tries, so the broker knows one that it has. After a send
 * that failed for good it is not known whether the broker has the batch: the numbers may not be used
 * again, and `dirty` says that the epoch must be raised first.
 */
export class ProducerSession {
  readonly #client: KafkaClient;
  readonly #cluster: Cluster;
  readonly #transactionalId: string | null;
  readonly #timeoutMs: number;
  readonly #partitioner = createPartitioner();
  #producerId = '-1';
  #epoch = -1;
  #sequences = new Map<string, number>();
  #joined = new Set<string>();
  #groups = new Set<string>();
  #ongoing = false;
  #coordinator: Broker | null = null;
  #connected = false;
  dirty = false;

  constructor(client: KafkaClient, transactionalId: string | null, timeoutMs: number) {
    this.#client = client;
    this.#cluster = client.cluster();
    this.#transactionalId = transactionalId;
    this.#timeoutMs = timeoutMs;
  }

  get initialised(): boolean {
    return this.#epoch >= 0;
  }

  /** Whether the coordinator may have a transaction of ours open. */
  get ongoing(): boolean {
    return this.#ongoing;
  }

  /** Takes a new producer id; fences whoever holds the transactional id, whoever that is. */
  async acquire(budgetMs: number): Promise<void> {
    this.forget();
    const answer = await this.#atCoordinator(budgetMs, (broker) =>
      broker.initProducerId({
        transactionalId: this.#transactionalId ?? undefined,
        transactionTimeout: this.#timeoutMs,
      }),
    );
    this.#became(answer);
  }

  /** Raises our own epoch: refused where another producer has taken the id over. */
  async bump(budgetMs: number): Promise<void> {
    const answer = await this.#atCoordinator(budgetMs, (broker) => {
      if (!canBumpEpoch(broker)) {
        return broker.initProducerId({
          transactionalId: this.#transactionalId ?? undefined,
          transactionTimeout: this.#timeoutMs,
        });
      }
      const request = bumpEpochRequest(
        this.#transactionalId,
        this.#timeoutMs,
        this.#producerId,
        this.#epoch,
      );
      return sendRequest<{ producerId: string; producerEpoch: number }>(broker, request);
    });
    this.#became(answer);
  }

  forget(): void {
    this.#producerId = '-1';
    this.#epoch = -1;
  }

  beginTransaction(): void {
    this.#joined = new Set();
    this.#groups = new Set();
    this.#ongoing = false;
  }

  /** Writes the records, in order per partition, within the delivery time. */
  async send(records: readonly OutgoingRecord[]): Promise<void> {
    if (records.length === 0) return;
    const topics = [...new Set(records.map((record) => record.topic))];
    await this.#loadTopics(topics);
    const partitions = new Map(
      topics.map((topic) => [topic, this.#cluster.findTopicPartitionMetadata(topic).length]),
    );
    const partitionsOf = (topic: string): number => partitions.get(topic) ?? 0;
    const rounds = toRounds(
      records,
      (record) => this.#partitioner(record, partitionsOf(record.topic)),
      partitionsOf,
      this.#client.maxBatchBytes,
    );
    if (this.#transactionalId !== null) await this.#join(rounds[0]!);
    try {
      for (const round of rounds) await this.#sendRound(round);
    } catch (error) {
      this.dirty = true;
      throw error;
    }
  }

  async sendOffsets(
    groupId: string,
    offsets: readonly (TopicPartition & { offset: bigint })[],
  ): Promise<void> {
    const identity = this.#identity();
    const budgetMs = this.#client.deliveryTimeoutMs;
    if (!this.#groups.has(groupId)) {
      this.#ongoing = true;
      await this.#atCoordinator(budgetMs, (broker) =>
        broker.addOffsetsToTxn({ ...identity, groupId }),
      );
      this.#groups.add(groupId);
    }
    const topics = [...new Set(offsets.map(({ topic }) => topic))].map((topic) => ({
      topic,
      partitions: offsets
        .filter((place) => place.topic === topic)
        .map(({ partition, offset }) => ({
          partition,
          offset: offset.toString(),
          metadata: null,
        })),
    }));
    await retrying(
      { budgetMs, retriable: isRetriable, onRetry: (e) => this.#mend(e) },
      async () => {
        const coordinator = await this.#cluster.findGroupCoordinator({
          groupId,
          coordinatorType: coordinatorTypes.group,
        });
        await coordinator.txnOffsetCommit({ ...identity, groupId, topics });
      },
    );
  }

  /**
   * EndTxn. It is sent again until it is answered or `budgetMs` has passed: the coordinator says yes
   * to the end that it has already made. An abort finds nothing open where no request got through.
   */
  async end(commit: boolean, budgetMs: number): Promise<void> {
    if (!this.#ongoing) return;
    const identity = this.#identity();
    try {
      await this.#atCoordinator(budgetMs, (broker) =>
        broker.endTxn({ ...identity, transactionResult: commit }),
      );
    } catch (error) {
      if (commit || errorType(error) !== 'INVALID_TXN_STATE') throw error;
    }
    this.beginTransaction();
  }

  async close(): Promise<void> {
    await disconnect(this.#cluster);
  }

  #identity(): { transactionalId: string; producerId: string; producerEpoch: number } {
    return {
      transactionalId: this.#transactionalId ?? '',
      producerId: this.#producerId,
      producerEpoch: this.#epoch,
    };
  }

  #became(answer: { producerId: string; producerEpoch: number }): void {
    this.#producerId = answer.producerId;
    this.#epoch = answer.producerEpoch;
    this.#sequences = new Map();
    this.dirty = false;
    this.beginTransaction();
  }

  async #connect(): Promise<void> {
    if (this.#connected) return;
    await reconnect(this.#cluster);
    this.#connected = true;
  }

  async #mend(error: unknown): Promise<void> {
    if (isCoordinatorFault(error)) this.#coordinator = null;
    if (!isConnectionFault(error)) return;
    const { host, port } = rootCause(error);
    if (host !== undefined && port !== undefined) this.#cluster.removeBroker({ host, port });
    // Whether it works shows at the next try.
    await reconnect(this.#cluster).catch(() => undefined);
  }

  #atCoordinator<T>(budgetMs: number, action: (broker: Broker) => Promise<T>): Promise<T> {
    return retrying(
      { budgetMs, retriable: isRetriable, onRetry: (error) => this.#mend(error) },
      async () => {
        await this.#connect();
        this.#coordinator ??= await this.#findCoordinator();
        return action(this.#coordinator);
      },
    );
  }

  #findCoordinator(): Promise<Broker> {
    if (this.#transactionalId === null) return this.#cluster.findControllerBroker();
    return this.#cluster.findGroupCoordinator({
      groupId: this.#transactionalId,
      coordinatorType: coordinatorTypes.transaction,
    });
  }

  async #loadTopics(topics: readonly string[]): Promise<void> {
    const deadline = performance.now() + this.#client.deliveryTimeoutMs;
    // A topic that was created just now may not be known everywhere; give it a moment, not more.
    const patience = performance.now() + 1_000;
    await retrying(
      {
        budgetMs: this.#client.deliveryTimeoutMs,
        retriable: (error) => {
          const missing = errorType(error) === 'UNKNOWN_TOPIC_OR_PARTITION';
          return isRetriable(error) && performance.now() < (missing ? patience : deadline);
        },
        onRetry: (error) => this.#mend(error),
      },
      async () => {
        await this.#connect();
        await this.#cluster.addMultipleTargetTopics(topics);
        await this.#cluster.refreshMetadataIfNecessary();
      },
    ).catch((error: unknown) => {
      if (errorType(error) === 'UNKNOWN_TOPIC_OR_PARTITION') throw topicMissing(topics.join(', '));
      throw error;
    });
  }

  /** AddPartitionsToTxn. The first round has a chunk of every partition. */
  async #join(round: readonly Chunk[]): Promise<void> {
    const added = new Map<string, number[]>();
    for (const { topic, partition } of round) {
      if (this.#joined.has(`${topic}/${partition}`)) continue;
      const list = added.get(topic);
      if (list === undefined) added.set(topic, [partition]);
      else list.push(partition);
    }
    if (added.size === 0) return;
    const topics = [...added].map(([topic, partitions]) => ({ topic, partitions }));
    this.#ongoing = true;
    await this.#atCoordinator(this.#client.deliveryTimeoutMs, (broker) =>
      broker.addPartitionsToTxn({ ...this.#identity(), topics }),
    );
    for (const { topic, partition } of round) this.#joined.add(`${topic}/${partition}`);
  }

  async #sendRound(round: readonly Chunk[]): Promise<void> {
    let left: EncodedChunk[] = round.map((chunk) => {
      const key = `${chunk.topic}/${chunk.partition}`;
      const firstSequence = this.#sequences.get(key) ?? 0;
      // Sequence numbers are 31 bits and start again from 0.
      this.#sequences.set(key, (firstSequence + chunk.records.length) % 0x80000000);
      const identity = {
        producerId: BigInt(this.#producerId),
        producerEpoch: this.#epoch,
        firstSequence,
        transactional: this.#transactionalId !== null,
      };
      const bytes = encodeBatch(chunk.records, identity, this.#client.compression);
      return { topic: chunk.topic, partition: chunk.partition, bytes, chunk };
    });
    await retrying(
      {
        budgetMs: this.#client.deliveryTimeoutMs,
        retriable: isRetriable,
        onRetry: async (error) => {
          await this.#mend(error);
          await this.#cluster.refreshMetadata().catch(() => undefined);
        },
      },
      async () => {
        left = await this.#sendOnce(left);
      },
    );
  }

  /** Sends to all leaders at once. Throws the first error, after taking away what was written. */
  async #sendOnce(batches: EncodedChunk[]): Promise<EncodedChunk[]> {
    const byLeader = new Map<number, EncodedChunk[]>();
    for (const batch of batches) {
      const metadata = this.#cluster
        .findTopicPartitionMetadata(batch.topic)
        .find(({ partitionId }) => partitionId === batch.partition);
      const leader = metadata?.leader ?? -1;
      const list = byLeader.get(leader);
      if (list === undefined) byLeader.set(leader, [batch]);
      else list.push(batch);
    }
    if (byLeader.has(-1)) throw createErrorFromCode(5);
    const answers = await Promise.allSettled(
      [...byLeader].map(async ([nodeId, list]) => {
        const broker = await this.#cluster.findBroker({ nodeId });
        const request = produceRequest(this.#transactionalId, list, produceTimeoutMs);
        return sendRequest<{ results: PartitionResult[] }>(broker, request);
      }),
    );
    const done = new Set<string>();
    let failure: unknown = null;
    for (const answer of answers) {
      if (answer.status === 'rejected') {
        failure ??= answer.reason;
        continue;
      }
      for (const { topic, partition, errorCode } of answer.value.results) {
        // 46, DUPLICATE_SEQUENCE_NUMBER: an earlier try has reached the log.
        if (errorCode === 0 || errorCode === 46) done.add(`${topic}/${partition}`);
        else failure ??= this.#refused(batches, topic, partition, errorCode);
      }
    }
    for (let i = batches.length - 1; i >= 0; i--) {
      const { topic, partition } = batches[i]!;
      if (done.has(`${topic}/${partition}`)) batches.splice(i, 1);
    }
    if (failure !== null) throw failure;
    return batches;
  }

  #refused(batches: EncodedChunk[], topic: string, partition: number, errorCode: number): unknown {
    const error = createErrorFromCode(errorCode);
    // 10, MESSAGE_TOO_LARGE; 18, RECORD_LIST_TOO_LARGE.
    if (errorCode !== 10 && errorCode !== 18) return error;
    const batch = batches.find((one) => one.topic === topic && one.partition === partition);
    return recordTooLarge({ topic, partition }, batch?.bytes.length ?? 0, error);
  }
}
