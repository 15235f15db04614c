import { topicMissing, transportClosed } from '../errors.js';
import type {
  GroupConsumer,
  GroupConsumerHandlers,
  GroupConsumerOptions,
  GroupMemberInfo,
  LogRecord,
  TopicPartition,
} from '../transport.js';
import { disconnect, type KafkaClient, reconnect } from './client.js';
import { errorType, isConnectionFault, isRetriable, ownError } from './faults.js';
import { type Feed, Fetcher } from './fetcher.js';
import type { Cluster } from './internals.js';
import { Membership } from './membership.js';
import { retrying } from './retry.js';

const patienceMs = 1_000;
/** A member hears of a rebalance with its next heartbeat: partitions wait for that to be taken over. */
const mostHeartbeatMs = 100;

export class KafkaGroupConsumer implements GroupConsumer {
  readonly #client: KafkaClient;
  readonly #cluster: Cluster;
  readonly #options: GroupConsumerOptions;
  #handlers: GroupConsumerHandlers | null = null;
  #fetcher: Fetcher | null = null;
  #membership: Membership | null = null;
  /** The partitions that we have; their feeds where they are being read. */
  #assigned = new Map<string, Feed | null>();
  #busy = new Map<string, Promise<void>>();
  #connected: boolean | null = null;
  #closed = false;

  constructor(client: KafkaClient, options: GroupConsumerOptions) {
    this.#client = client;
    this.#cluster = client.cluster();
    this.#options = options;
  }

  /** Returns once the broker was reached, however long that takes. Errors: TOPIC_MISSING. */
  async run(handlers: GroupConsumerHandlers): Promise<void> {
    if (this.#closed) throw transportClosed('consumer');
    this.#handlers = handlers;
    await loadTopics(
      this.#cluster,
      this.#options.topics.filter((topic) => typeof topic === 'string'),
      () => this.#closed,
      () => this.#connection(false),
    );
    if (this.#closed) return;
    this.#connection(true);
    const { groupId, topics, sessionTimeoutMs, maxWaitMs, concurrency } = this.#options;
    const common = {
      logger: this.#client.logger,
      onCrash: (error: Error) => this.#crash(error),
      onConnection: (connected: boolean) => this.#connection(connected),
    };
    this.#fetcher = new Fetcher(this.#cluster, {
      ...common,
      maxWaitMs,
      concurrency,
      maxBytesPerPartition: this.#options.maxBytesPerPartition ?? 1_048_576,
      maxBytes: 10_485_760,
    });
    this.#membership = new Membership(this.#cluster, {
      ...common,
      groupId,
      topics,
      sessionTimeoutMs,
      heartbeatIntervalMs:
        this.#options.heartbeatIntervalMs ??
        Math.min(mostHeartbeatMs, Math.floor(sessionTimeoutMs / 4)),
      onAssigned: (partitions, members) => this.#assign(partitions, members),
      connections: () => this.#client.cluster(),
      claim: () => this.#options.claim?.() ?? { data: '', warm: [] },
    });
    this.#membership.run();
  }

  start(partition: TopicPartition, offset: bigint): void {
    const key = `${partition.topic}/${partition.partition}`;
    const fetcher = this.#fetcher;
    if (fetcher === null || !this.#assigned.has(key)) return;
    this.pause(partition);
    const place = { topic: partition.topic, partition: partition.partition };
    const deliver = async (
      records: readonly LogRecord[],
      _position: bigint,
      high: bigint,
    ): Promise<void> => {
      if (records.length === 0) return;
      // What a former `start` delivered may still be with the handler.
      await this.#busy.get(key);
      if (this.#assigned.get(key) !== feed) return;
      const done = this.#handlers?.onRecords(place, records, high);
      this.#busy.set(
        key,
        Promise.resolve(done).catch(() => undefined),
      );
      await done;
    };
    const onOutOfRange = this.#handlers?.onOutOfRange?.bind(this.#handlers);
    const feed: Feed = fetcher.start(
      place,
      offset,
      deliver,
      onOutOfRange === undefined
        ? undefined
        : (missing) => {
            if (this.#assigned.get(key) === feed) onOutOfRange(place, missing);
          },
    );
    this.#assigned.set(key, feed);
  }

  pause(partition: TopicPartition): void {
    const key = `${partition.topic}/${partition.partition}`;
    const feed = this.#assigned.get(key);
    if (feed === null || feed === undefined) return;
    this.#fetcher?.stop(feed);
    this.#assigned.set(key, null);
  }

  async commit(offsets: readonly (TopicPartition & { offset: bigint })[]): Promise<void> {
    if (this.#membership === null) throw transportClosed('consumer');
    await this.#membership.commit(offsets);
  }

  async rejoin(): Promise<void> {
    this.#stopFeeds();
    await this.#membership?.rejoin();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#stopFeeds();
    this.#fetcher?.close();
    await this.#membership?.close();
    await disconnect(this.#cluster);
  }

  #assign(partitions: TopicPartition[], members: readonly GroupMemberInfo[]): void {
    this.#stopFeeds();
    this.#assigned = new Map(partitions.map((p) => [`${p.topic}/${p.partition}`, null]));
    this.#handlers?.onAssigned(partitions, members);
  }

  #stopFeeds(): void {
    for (const feed of this.#assigned.values()) if (feed !== null) this.#fetcher?.stop(feed);
    this.#assigned = new Map();
  }

  #connection(connected: boolean): void {
    if (this.#connected === connected || this.#closed) return;
    this.#connected = connected;
    const { logger, brokers } = this.#client;
    if (connected) logger.info({ brokers }, 'connected to Kafka');
    else logger.warn({ brokers }, 'Kafka cannot be reached; trying again');
    this.#handlers?.onConnection?.(connected);
  }

  #crash(error: Error): void {
    if (this.#closed) return;
    void this.close();
    this.#handlers?.onCrash(error);
  }
}

/** Connects, for ever, and loads the topics' metadata. Errors: TOPIC_MISSING, refused credentials. */
export async function loadTopics(
  cluster: Cluster,
  topics: readonly string[],
  closed: () => boolean,
  onFault: () => void,
): Promise<void> {
  let missingSince: number | null = null;
  await retrying(
    {
      budgetMs: Number.POSITIVE_INFINITY,
      maxMs: 1_000,
      retriable: (error) => {
        if (closed()) return false;
        if (isConnectionFault(error)) onFault();
        if (errorType(error) !== 'UNKNOWN_TOPIC_OR_PARTITION') return isRetriable(error);
        missingSince ??= performance.now();
        return performance.now() < missingSince + patienceMs;
      },
    },
    async () => {
      await reconnect(cluster);
      if (topics.length > 0) await cluster.addMultipleTargetTopics(topics);
    },
  ).catch((error: unknown) => {
    if (closed()) return;
    if (errorType(error) === 'UNKNOWN_TOPIC_OR_PARTITION') throw topicMissing(topics.join(', '));
    throw ownError(error) ?? error;
  });
}
