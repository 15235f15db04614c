import { notAuthorised, recordTooLarge } from '../errors.js';
import { topicRefused } from './authorisation.js';
import type { KafkaClient } from './client.js';
import { isRetriable } from './faults.js';
import { type Cluster, createErrorFromCode, sendRequest } from './internals.js';
import type { Chunk } from './outgoing.js';
import {
  type BatchForPartition,
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
 * Numbers batches and writes them to the leaders of their partitions. A batch keeps its sequence
 * number over all tries, so the broker knows one that it has.
 */
export class BatchSender {
  readonly #client: KafkaClient;
  readonly #cluster: Cluster;
  readonly #transactionalId: string | null;
  readonly #mend: (error: unknown) => Promise<void>;
  #producerId = -1n;
  #epoch = -1;
  #sequences = new Map<string, number>();

  constructor(
    client: KafkaClient,
    cluster: Cluster,
    transactionalId: string | null,
    mend: (error: unknown) => Promise<void>,
  ) {
    this.#client = client;
    this.#cluster = cluster;
    this.#transactionalId = transactionalId;
    this.#mend = mend;
  }

  /** With a new epoch the sequence numbers start again. */
  reset(producerId: bigint, epoch: number): void {
    this.#producerId = producerId;
    this.#epoch = epoch;
    this.#sequences = new Map();
  }

  /** Writes one round of chunks within the delivery time. */
  async send(round: readonly Chunk[]): Promise<void> {
    const encoding = round.map(async (chunk) => {
      const key = `${chunk.topic}/${chunk.partition}`;
      const firstSequence = this.#sequences.get(key) ?? 0;
      // Sequence numbers are 31 bits and start again from 0.
      this.#sequences.set(key, (firstSequence + chunk.records.length) % 0x80000000);
      const identity = {
        producerId: this.#producerId,
        producerEpoch: this.#epoch,
        firstSequence,
        transactional: this.#transactionalId !== null,
      };
      const bytes = await encodeBatch(chunk.records, identity, this.#client.compression);
      return { topic: chunk.topic, partition: chunk.partition, bytes, chunk };
    });
    let left: EncodedChunk[] = await Promise.all(encoding);
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
    if (errorCode === topicRefused)
      return notAuthorised('Write', { type: 'topic', names: [topic] });
    const error = createErrorFromCode(errorCode);
    // 10, MESSAGE_TOO_LARGE; 18, RECORD_LIST_TOO_LARGE.
    if (errorCode !== 10 && errorCode !== 18) return error;
    const batch = batches.find((one) => one.topic === topic && one.partition === partition);
    return recordTooLarge({ topic, partition }, batch?.bytes.length ?? 0, error);
  }
}
