import { IsthmusError } from '../errors.js';
import { partitionFor } from '../transport/partitioner.js';
import type { LogAdmin, TopicPartition } from '../transport/transport.js';
import type { Cluster } from './cluster.js';
import type { Standbys } from './standbys.js';

/** Who can answer a question about a user. */
export interface UserPlace {
  readonly partition: number;
  /** What this process is to the partition. `moving`: ours, but not running yet, or not any more. */
  readonly role: 'owner' | 'moving' | 'standby' | 'none';
  /** Addresses of the others that may answer: the owner, then the standbys. */
  readonly others: readonly string[];
}

export interface PlacesOptions {
  readonly cluster: Cluster;
  readonly standbys: Standbys;
  readonly topic: string;
  readonly partitions: number;
  readonly standbyCount: number;
  readonly changelog: string;
  readonly admin: LogAdmin;
  /** The state of our task of the partition, if there is one. */
  readonly taskState: (place: TopicPartition) => string | undefined;
}

/** Where users are, for questions about them. */
export class Places {
  readonly #options: PlacesOptions;
  #asking: Promise<readonly bigint[]> | null = null;

  constructor(options: PlacesOptions) {
    this.#options = options;
  }

  of(userId: string): UserPlace {
    const { cluster, standbys, standbyCount, partitions, topic, taskState } = this.#options;
    const partition = partitionFor(userId, partitions);
    const place = { topic, partition };
    const owner = cluster.ownerOf(place);
    const candidates = [owner, ...cluster.standbysOf(place, standbyCount)];
    const others = candidates
      .filter((instance) => instance !== undefined && !instance.self && instance.url !== '')
      .map((instance) => instance!.url);
    const state = taskState(place);
    const role = (): UserPlace['role'] => {
      if (state === 'running') return 'owner';
      if (standbys.look(partition, userId) !== null) return 'standby';
      return state !== undefined || owner?.self === true ? 'moving' : 'none';
    };
    return { partition, role: role(), others };
  }

  /**
   * How many records of the changelog our standby of the user's partition has not read. The log is
   * asked now, for what the last fetch said may be old where the log cannot be reached.
   *
   * Errors: STANDBY_LAG_UNKNOWN (retry).
   */
  async lagOf(userId: string): Promise<number> {
    const { partitions, standbys } = this.#options;
    const partition = partitionFor(userId, partitions);
    const high = (
      await this.#ends().catch((cause: unknown) => {
        throw lagUnknown(cause);
      })
    )[partition];
    const seen = standbys.look(partition, userId);
    if (seen === null || high === undefined) throw lagUnknown();
    return Math.max(0, Number(high - seen.position));
  }

  /** Those who ask while another asks get the same answer. */
  #ends(): Promise<readonly bigint[]> {
    const { admin, changelog } = this.#options;
    this.#asking ??= admin
      .watermarks(changelog)
      .then((marks) => marks.map(({ high }) => high))
      .finally(() => {
        this.#asking = null;
      });
    return this.#asking;
  }
}

function lagUnknown(cause?: unknown): IsthmusError {
  return new IsthmusError(
    'STANDBY_LAG_UNKNOWN',
    'retry',
    "The user's partition is moving, and its standby cannot tell how far behind it is; ask again",
    { cause },
  );
}
