import { setTimeout as sleep } from 'node:timers/promises';
import { adminFailed, brokerUnreachable, groupNotEmpty, topicMissing } from '../errors.js';
import type { LogAdmin, TopicInfo, TopicSpec, Watermarks } from '../transport.js';
import { disconnect, type KafkaClient, reconnect } from './client.js';
import { errorType, isCoordinatorFault, isRetriable, ownError, rootCause } from './faults.js';
import {
  type Broker,
  type Cluster,
  coordinatorTypes,
  type PartitionMetadata,
} from './internals.js';
import { retrying } from './retry.js';

const earliest = -2;
const latest = -1;
const readUncommitted = 0;
const readCommitted = 1;
/** A broker that starts, or got no CPU for a while, takes no replicas until it is heard of again. */
const replicasWithinMs = 5_000;
const lacksReplicas = (error: unknown): boolean =>
  errorType(error) === 'INVALID_REPLICATION_FACTOR';

/**
 * Administration over connections of its own. Each call waits for a broker for a bounded time.
 *
 * Errors: BROKER_UNREACHABLE (retry); TOPIC_MISSING, GROUP_NOT_EMPTY, ADMIN_FAILED (usage).
 */
export class KafkaAdmin implements LogAdmin {
  readonly #client: KafkaClient;
  readonly #cluster: Cluster;
  #connected = false;

  constructor(client: KafkaClient) {
    this.#client = client;
    this.#cluster = client.cluster();
  }

  async createTopics(topics: readonly TopicSpec[]): Promise<string[]> {
    const created: string[] = [];
    for (const spec of topics) {
      const made = await this.#try(`create topic '${spec.topic}'`, () =>
        retrying({ budgetMs: replicasWithinMs, retriable: lacksReplicas }, () =>
          this.#create(spec),
        ),
      );
      if (made) created.push(spec.topic);
    }
    await this.#await(topics, (partitions, spec) => {
      const led = partitions.filter(({ leader }) => leader >= 0).length;
      return led > 0 && (led >= spec.partitions || !created.includes(spec.topic));
    });
    return created;
  }

  async deleteTopics(topics: readonly string[]): Promise<void> {
    const there = (await this.listTopics(topics)).map(({ topic }) => topic);
    if (there.length === 0) return;
    await this.#try(`delete topics ${there.join(', ')}`, async () => {
      const controller = await this.#cluster.findControllerBroker();
      await controller.deleteTopics({ topics: there }).catch((error: unknown) => {
        if (errorType(error) !== 'UNKNOWN_TOPIC_OR_PARTITION') throw error;
      });
    });
    const gone = there.map((topic) => ({ topic, partitions: 0 }));
    await this.#await(gone, (partitions) => partitions.length === 0);
  }

  async listTopics(names?: readonly string[]): Promise<TopicInfo[]> {
    const all = await this.#try('list the topics', async () => {
      const known = await this.#all();
      for (const topic of names ?? []) if (!known.has(topic)) await this.#refuseHidden(topic);
      return known;
    });
    return [...all]
      .filter(([topic]) => names === undefined || names.includes(topic))
      .map(([topic, partitions]) => ({ topic, partitions: partitions.length }))
      .sort((a, b) => (a.topic < b.topic ? -1 : 1));
  }

  async watermarks(topic: string): Promise<Watermarks[]> {
    return this.#try(`read the offsets of topic '${topic}'`, async () => {
      const partitions = await this.#partitions(topic);
      const [low, high] = await Promise.all([
        this.#offsets(topic, partitions, earliest),
        this.#offsets(topic, partitions, latest),
      ]);
      return partitions.map((_, partition) => ({
        low: low.get(partition) ?? 0n,
        high: high.get(partition) ?? 0n,
      }));
    });
  }

  async lastStable(topic: string): Promise<bigint[]> {
    return this.#try(`read the offsets of topic '${topic}'`, async () => {
      const partitions = await this.#partitions(topic);
      const found = await this.#offsets(topic, partitions, latest, readCommitted);
      return partitions.map((_, partition) => found.get(partition) ?? 0n);
    });
  }

  async committed(groupId: string, topic: string): Promise<(bigint | null)[]> {
    return this.#try(`read the offsets of group '${groupId}'`, async () => {
      const partitions = await this.#partitions(topic);
      const coordinator = await this.#coordinator(groupId);
      const { responses } = await coordinator.offsetFetch({
        groupId,
        topics: [{ topic, partitions: partitions.map((_, partition) => ({ partition })) }],
      });
      const found = new Map(
        responses.flatMap((response) =>
          response.partitions.map(({ partition, offset }) => [partition, BigInt(offset)]),
        ),
      );
      return partitions.map((_, partition) => {
        const offset = found.get(partition);
        return offset === undefined || offset < 0n ? null : offset;
      });
    });
  }

  async resetOffsets(
    groupId: string,
    topic: string,
    offsets: ReadonlyMap<number, bigint>,
  ): Promise<void> {
    await this.#try(`set the offsets of group '${groupId}'`, async () => {
      await this.#partitions(topic);
      const coordinator = await this.#coordinator(groupId);
      const { groups } = await coordinator.describeGroups({ groupIds: [groupId] });
      if (groups.some(({ members }) => members.length > 0)) throw groupNotEmpty(groupId);
      const partitions = [...offsets].map(([partition, offset]) => ({
        partition,
        offset: offset.toString(),
        metadata: null,
      }));
      await coordinator
        .offsetCommit({
          groupId,
          groupGenerationId: -1,
          memberId: '',
          topics: [{ topic, partitions }],
        })
        .catch((error: unknown) => {
          throw errorType(error) === 'UNKNOWN_MEMBER_ID' ? groupNotEmpty(groupId) : error;
        });
    });
  }

  async deleteRecords(topic: string, below: ReadonlyMap<number, bigint>): Promise<void> {
    await this.#try(`delete records of topic '${topic}'`, async () => {
      const partitions = await this.#partitions(topic);
      await this.#byLeader(partitions, async (broker, led) => {
        const wanted = led
          .filter((partition) => below.has(partition))
          .map((partition) => ({ partition, offset: String(below.get(partition)) }));
        if (wanted.length === 0) return;
        await broker
          .deleteRecords({ topics: [{ topic, partitions: wanted }] })
          .catch((error: { partitions?: { error?: Error }[] }) => {
            throw error.partitions?.find((one) => one.error !== undefined)?.error ?? error;
          });
      });
    });
  }

  async close(): Promise<void> {
    await disconnect(this.#cluster);
  }

  /** Returns whether the topic was made now. */
  async #create(spec: TopicSpec): Promise<boolean> {
    if ((await this.#all()).has(spec.topic)) return false;
    const controller = await this.#cluster.findControllerBroker();
    const topic = {
      topic: spec.topic,
      numPartitions: spec.partitions,
      replicationFactor: spec.replicationFactor ?? -1,
      configEntries: Object.entries(spec.config ?? {}).map(([name, value]) => ({ name, value })),
    };
    try {
      await controller.createTopics({ topics: [topic] });
      return true;
    } catch (error) {
      const errors = (error as { errors?: unknown[] }).errors ?? [error];
      const cause = errors[0];
      if (errorType(cause) === 'TOPIC_ALREADY_EXISTS') return false;
      throw cause;
    }
  }

  /** Waits until the brokers agree with what was asked; 5 s at most. */
  async #await(
    topics: readonly TopicSpec[],
    holds: (partitions: readonly PartitionMetadata[], spec: TopicSpec) => boolean,
  ): Promise<void> {
    for (let tries = 0; tries < 100; tries++) {
      const all = await this.#try('list the topics', () => this.#all());
      if (topics.every((spec) => holds(all.get(spec.topic) ?? [], spec))) return;
      await sleep(50);
    }
  }

  async #all(): Promise<Map<string, readonly PartitionMetadata[]>> {
    const { topicMetadata } = await this.#cluster.metadata({ topics: [] });
    return new Map(
      topicMetadata.map(({ topic, partitionMetadata }) => [topic, partitionMetadata] as const),
    );
  }

  /** Among all topics the broker leaves out those that we may not see; asked by name it says so. */
  async #refuseHidden(topic: string): Promise<void> {
    await this.#cluster.metadata({ topics: [topic] }).catch((error: unknown) => {
      if (errorType(error) !== 'UNKNOWN_TOPIC_OR_PARTITION') throw error;
    });
  }

  async #partitions(topic: string): Promise<PartitionMetadata[]> {
    const partitions = (await this.#all()).get(topic);
    if (partitions === undefined) {
      await this.#refuseHidden(topic);
      throw topicMissing(topic);
    }
    return [...partitions].sort((a, b) => a.partitionId - b.partitionId);
  }

  async #offsets(
    topic: string,
    partitions: readonly PartitionMetadata[],
    timestamp: number,
    // Read uncommitted: the high watermark, not the last stable offset.
    isolationLevel: 0 | 1 = readUncommitted,
  ): Promise<Map<number, bigint>> {
    const found = new Map<number, bigint>();
    await this.#byLeader(partitions, async (broker, led) => {
      const wanted = led.map((partition) => ({ partition, timestamp }));
      const { responses } = await broker.listOffsets({
        replicaId: -1,
        isolationLevel,
        topics: [{ topic, partitions: wanted }],
      });
      for (const response of responses) {
        for (const { partition, offset } of response.partitions) {
          found.set(partition, BigInt(offset));
        }
      }
    });
    return found;
  }

  async #byLeader(
    partitions: readonly PartitionMetadata[],
    action: (broker: Broker, partitions: number[]) => Promise<void>,
  ): Promise<void> {
    const leaders = new Map<number, number[]>();
    for (const { leader, partitionId } of partitions) {
      const led = leaders.get(leader);
      if (led === undefined) leaders.set(leader, [partitionId]);
      else led.push(partitionId);
    }
    await Promise.all(
      [...leaders].map(async ([nodeId, led]) =>
        action(await this.#cluster.findBroker({ nodeId }), led),
      ),
    );
  }

  #coordinator(groupId: string): Promise<Broker> {
    return this.#cluster.findGroupCoordinator({
      groupId,
      coordinatorType: coordinatorTypes.group,
    });
  }

  async #try<T>(what: string, action: () => Promise<T>): Promise<T> {
    try {
      return await retrying(
        {
          budgetMs: this.#client.adminTimeoutMs,
          retriable: isRetriable,
          onRetry: async (error) => {
            if (isCoordinatorFault(error)) await reconnect(this.#cluster).catch(() => undefined);
          },
        },
        async () => {
          if (!this.#connected) await reconnect(this.#cluster);
          this.#connected = true;
          return action();
        },
      );
    } catch (error) {
      const own = ownError(error);
      if (own !== null) throw own;
      // What may pass is no refusal, however long it takes: a leader that is still being found.
      if (isRetriable(error)) throw brokerUnreachable(this.#client.brokers, rootCause(error));
      throw adminFailed(what, rootCause(error));
    }
  }
}
