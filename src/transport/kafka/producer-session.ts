import { topicMissing } from '../errors.js';
import { createPartitioner } from '../partitioner.js';
import type { OutgoingRecord, TopicPartition } from '../transport.js';
import { BatchSender } from './batch-sender.js';
import { disconnect, type KafkaClient, reconnect } from './client.js';
import {
  errorType,
  isConnectionFault,
  isCoordinatorFault,
  isRetriable,
  rootCause,
} from './faults.js';
import { type Broker, type Cluster, coordinatorTypes, sendRequest } from './internals.js';
import { type Chunk, toRounds } from './outgoing.js';
import { bumpEpochRequest, canBumpEpoch } from './produce-protocol.js';
import { retrying } from './retry.js';

/**
 * One producer id: its epoch, its sequence numbers, and its place in a transaction. Calls come one
 * after the other; what its errors mean is for its callers to say.
 *
 * After a send that failed for good it is not known whether the broker has its batches: their
 * sequence numbers may not be used again, and `dirty` says that the epoch must be raised first.
 */
export class ProducerSession {
  readonly #client: KafkaClient;
  readonly #cluster: Cluster;
  readonly #transactionalId: string | null;
  readonly #timeoutMs: number;
  readonly #partitioner = createPartitioner();
  readonly #sender: BatchSender;
  #producerId = '-1';
  #epoch = -1;
  #joined = new Set<string>();
  #groups = new Set<string>();
  #ongoing = false;
  #coordinator: Broker | null = null;
  /** Of groups whose offsets go into transactions: asked for once, not with each of them. */
  readonly #groupCoordinators = new Map<string, Broker>();
  #connected = false;
  dirty = false;

  constructor(client: KafkaClient, transactionalId: string | null, timeoutMs: number) {
    this.#client = client;
    this.#cluster = client.cluster();
    this.#transactionalId = transactionalId;
    this.#timeoutMs = timeoutMs;
    this.#sender = new BatchSender(client, this.#cluster, transactionalId, (error) =>
      this.#mend(error),
    );
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
      for (const round of rounds) await this.#sender.send(round);
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
        const coordinator = await this.#groupCoordinator(groupId);
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
    this.#sender.reset(BigInt(answer.producerId), answer.producerEpoch);
    this.dirty = false;
    this.beginTransaction();
  }

  async #connect(): Promise<void> {
    if (this.#connected) return;
    await reconnect(this.#cluster);
    this.#connected = true;
  }

  async #mend(error: unknown): Promise<void> {
    if (isCoordinatorFault(error)) {
      this.#coordinator = null;
      this.#groupCoordinators.clear();
    }
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

  async #groupCoordinator(groupId: string): Promise<Broker> {
    const known = this.#groupCoordinators.get(groupId);
    if (known !== undefined) return known;
    const found = await this.#cluster.findGroupCoordinator({
      groupId,
      coordinatorType: coordinatorTypes.group,
    });
    this.#groupCoordinators.set(groupId, found);
    return found;
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
}
