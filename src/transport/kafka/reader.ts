import { transportClosed } from '../errors.js';
import type { FollowHandlers, LogReader, Subscription, TopicPartition } from '../transport.js';
import { disconnect, type KafkaClient } from './client.js';
import { Fetcher } from './fetcher.js';
import { loadTopics } from './group-consumer.js';
import type { Cluster } from './internals.js';

/** Reads partitions outside any group: no member, no coordinator, no rebalance. */
export class KafkaLogReader implements LogReader {
  readonly #client: KafkaClient;
  readonly #cluster: Cluster;
  readonly #topics: readonly string[];
  readonly #fetcher: Fetcher;
  #running = false;
  #closed = false;

  constructor(client: KafkaClient, topics: readonly string[], onCrash: (error: Error) => void) {
    this.#client = client;
    this.#cluster = client.cluster();
    this.#topics = topics;
    this.#fetcher = new Fetcher(this.#cluster, {
      maxWaitMs: 50,
      concurrency: 64,
      maxBytesPerPartition: 1_048_576,
      maxBytes: 16_777_216,
      logger: client.logger,
      onCrash,
      onConnection: () => undefined,
    });
  }

  /** Errors: TOPIC_MISSING. */
  async run(): Promise<void> {
    await loadTopics(
      this.#cluster,
      this.#topics,
      () => this.#closed,
      () => this.#client.logger.debug({}, 'Kafka cannot be reached; trying again'),
    );
    this.#running = true;
  }

  follow(partition: TopicPartition, from: bigint, handlers: FollowHandlers): Subscription {
    if (!this.#running || this.#closed) throw transportClosed('reader');
    const place = { topic: partition.topic, partition: partition.partition };
    const feed = this.#fetcher.start(place, from, (records, position, high) =>
      handlers.onRecords(records, position, high),
    );
    return {
      get position() {
        return feed.position;
      },
      stop: () => this.#fetcher.stop(feed),
    };
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#fetcher.close();
    await disconnect(this.#cluster);
  }
}
