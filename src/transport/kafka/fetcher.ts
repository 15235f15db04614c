import { setTimeout as sleep } from 'node:timers/promises';
import { consumerFailed, notAuthorised, offsetOutOfRange } from '../errors.js';
import { Semaphore } from '../semaphore.js';
import type { LogRecord, TopicPartition } from '../transport.js';
import { topicRefused } from './authorisation.js';
import { reconnect } from './client.js';
import { errorType, isConnectionFault, isRetriable, ownError, rootCause } from './faults.js';
import { type FetchedPartition, type FetchPartition, fetchRequest } from './fetch-protocol.js';
import { type Cluster, createErrorFromCode, sendRequest } from './internals.js';
import type { TransportLogger } from './logging.js';
import { jittered } from './retry.js';

export interface FetcherOptions {
  readonly maxWaitMs: number;
  readonly maxBytesPerPartition: number;
  readonly maxBytes: number;
  /** How many partitions may be with their handlers at once. */
  readonly concurrency: number;
  readonly logger: TransportLogger;
  /** What cannot be retried. Called once; nothing is delivered after it. */
  readonly onCrash: (error: Error) => void;
  readonly onConnection: (connected: boolean) => void;
}

export type Deliver = (
  records: LogRecord[],
  position: bigint,
  highWatermark: bigint,
) => Promise<void> | void;

/** A partition that is being read. Made anew at each `start`, so that late answers find it gone. */
export interface Feed {
  readonly place: TopicPartition;
  /** The next offset to be delivered. */
  readonly position: bigint;
}

interface Batch {
  readonly records: LogRecord[];
  readonly position: bigint;
  readonly high: bigint;
}

class FeedState implements Feed {
  readonly place: TopicPartition;
  readonly deliver: Deliver;
  readonly onOutOfRange: ((offset: bigint) => void) | undefined;
  readonly queue: Batch[] = [];
  position: bigint;
  fetchOffset: bigint;
  busy = false;
  stopped = false;

  constructor(
    place: TopicPartition,
    offset: bigint,
    deliver: Deliver,
    onOutOfRange?: (offset: bigint) => void,
  ) {
    this.place = place;
    this.position = offset;
    this.fetchOffset = offset;
    this.deliver = deliver;
    this.onOutOfRange = onOutOfRange;
  }
}

const leaderNotAvailable = 5;
const outOfRange = 1;

/** Batches that wait for a partition's handler; more are not fetched meanwhile. */
const maxQueued = 2;
/** The wait of a fetch while a partition is held back, so that it comes back soon. */
const heldBackWaitMs = 10;

/**
 * Reads partitions from their leaders, one fetch at a time from each, and hands the records on. The
 * next batches are fetched while a handler works. Whatever can be retried is retried for ever.
 */
export class Fetcher {
  readonly #cluster: Cluster;
  readonly #options: FetcherOptions;
  readonly #slots: Semaphore;
  readonly #feeds = new Set<FeedState>();
  readonly #flying = new Set<number>();
  #backoffMs = 0;
  #mending: Promise<void> | null = null;
  #closed = false;

  constructor(cluster: Cluster, options: FetcherOptions) {
    this.#cluster = cluster;
    this.#options = options;
    this.#slots = new Semaphore(options.concurrency);
  }

  /** `onOutOfRange`: called once, after which the feed is stopped; without it all of them crash. */
  start(
    place: TopicPartition,
    offset: bigint,
    deliver: Deliver,
    onOutOfRange?: (offset: bigint) => void,
  ): Feed {
    const feed = new FeedState(place, offset, deliver, onOutOfRange);
    this.#feeds.add(feed);
    // Partitions that are started together go in one request.
    queueMicrotask(() => this.#kick());
    return feed;
  }

  stop(feed: Feed): void {
    const state = feed as FeedState;
    state.stopped = true;
    this.#feeds.delete(state);
  }

  close(): void {
    this.#closed = true;
    for (const feed of this.#feeds) feed.stopped = true;
    this.#feeds.clear();
  }

  #kick(): void {
    if (this.#closed || this.#mending !== null) return;
    const byLeader = new Map<number, FeedState[]>();
    let heldBack = false;
    for (const feed of this.#feeds) {
      if (feed.queue.length >= maxQueued) {
        heldBack = true;
        continue;
      }
      const leader = this.#leaderOf(feed.place);
      if (leader === null) {
        this.#mend(createErrorFromCode(leaderNotAvailable));
        return;
      }
      const list = byLeader.get(leader);
      if (list === undefined) byLeader.set(leader, [feed]);
      else list.push(feed);
    }
    for (const [leader, feeds] of byLeader) {
      if (!this.#flying.has(leader)) void this.#fetch(leader, feeds, heldBack);
    }
  }

  #leaderOf({ topic, partition }: TopicPartition): number | null {
    try {
      const found = this.#cluster
        .findTopicPartitionMetadata(topic)
        .find(({ partitionId }) => partitionId === partition);
      return found === undefined || found.leader < 0 ? null : found.leader;
    } catch {
      return null;
    }
  }

  async #fetch(leader: number, feeds: FeedState[], heldBack: boolean): Promise<void> {
    this.#flying.add(leader);
    try {
      const asked = new Map<string, FeedState>();
      for (const feed of feeds) {
        const key = `${feed.place.topic}/${feed.place.partition}`;
        const other = asked.get(key);
        // Of two that read the same partition the one that is behind comes first.
        if (other === undefined || feed.fetchOffset < other.fetchOffset) asked.set(key, feed);
      }
      const { maxBytesPerPartition } = this.#options;
      const partitions: FetchPartition[] = [...asked.values()].map((feed) => ({
        ...feed.place,
        offset: feed.fetchOffset,
        maxBytes: maxBytesPerPartition,
      }));
      // The broker fills its answer in the order of the request: everybody is first in turn.
      const turn = Math.floor(Math.random() * partitions.length);
      const rotated = [...partitions.slice(turn), ...partitions.slice(0, turn)];
      const { maxWaitMs, maxBytes } = this.#options;
      const broker = await this.#cluster.findBroker({ nodeId: leader });
      const request = fetchRequest(rotated, {
        maxWaitMs: heldBack ? Math.min(heldBackWaitMs, maxWaitMs) : maxWaitMs,
        minBytes: 1,
        maxBytes,
      });
      const answer = await sendRequest<{ errorCode: number; partitions: FetchedPartition[] }>(
        broker,
        request,
      );
      if (this.#closed) return;
      if (answer.errorCode !== 0) throw createErrorFromCode(answer.errorCode);
      this.#options.onConnection(true);
      let failure: Error | null = null;
      for (const fetched of answer.partitions) {
        const feed = asked.get(`${fetched.topic}/${fetched.partition}`);
        if (feed === undefined || feed.stopped) continue;
        if (fetched.errorCode === outOfRange) {
          if (feed.onOutOfRange === undefined) {
            throw offsetOutOfRange(feed.place, feed.fetchOffset);
          }
          this.stop(feed);
          feed.onOutOfRange(feed.fetchOffset);
          continue;
        }
        if (fetched.errorCode === topicRefused) {
          throw notAuthorised('Read', { type: 'topic', names: [fetched.topic] });
        }
        if (fetched.errorCode !== 0) failure = createErrorFromCode(fetched.errorCode);
        else this.#received(feed, fetched);
      }
      if (failure !== null) throw failure;
      this.#backoffMs = 0;
    } catch (error) {
      this.#mend(error);
    } finally {
      this.#flying.delete(leader);
    }
    this.#kick();
  }

  #received(feed: FeedState, fetched: FetchedPartition): void {
    if (fetched.position === feed.fetchOffset) return;
    feed.fetchOffset = fetched.position;
    feed.queue.push({
      records: fetched.records,
      position: fetched.position,
      high: fetched.highWatermark,
    });
    void this.#drain(feed);
  }

  async #drain(feed: FeedState): Promise<void> {
    if (feed.busy) return;
    feed.busy = true;
    try {
      for (let batch = feed.queue[0]; batch !== undefined && !feed.stopped; batch = feed.queue[0]) {
        const next = batch;
        await this.#slots.run(async () => {
          if (feed.stopped) return;
          feed.queue.shift();
          this.#kick();
          await feed.deliver(next.records, next.position, next.high);
          feed.position = next.position;
        });
      }
    } catch (error) {
      this.#crash(error);
    } finally {
      feed.busy = false;
    }
  }

  /** Waits a little, brings connections and metadata back, and goes on. */
  #mend(error: unknown): void {
    if (this.#closed || this.#mending !== null) return;
    if (!isRetriable(error)) {
      this.#crash(error);
      return;
    }
    if (isConnectionFault(error)) this.#options.onConnection(false);
    const fields = { error: rootCause(error).message, type: errorType(error) };
    this.#options.logger.debug(fields, 'a fetch failed and is tried again');
    this.#mending = this.#reload(error).finally(() => {
      this.#mending = null;
      this.#kick();
    });
  }

  async #reload(error: unknown): Promise<void> {
    for (let cause: unknown = error; !this.#closed; ) {
      const { host, port } = rootCause(cause);
      if (host !== undefined && port !== undefined) this.#cluster.removeBroker({ host, port });
      this.#backoffMs = Math.min(Math.max(this.#backoffMs * 1.5, 20), 1_000);
      await sleep(jittered(this.#backoffMs));
      if (this.#closed) return;
      try {
        await reconnect(this.#cluster);
        return;
      } catch (again) {
        cause = again;
        if (isConnectionFault(again)) this.#options.onConnection(false);
        else if (!isRetriable(again)) return this.#crash(again);
      }
    }
  }

  #crash(error: unknown): void {
    if (this.#closed) return;
    this.close();
    this.#options.onCrash(ownError(error) ?? consumerFailed('from Kafka', error));
  }
}
