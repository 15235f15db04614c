import type { Clock } from '../clock.js';
import { ChangelogFollower, type ChangelogState } from '../consumers/changelog.js';
import { publish } from '../diagnostics.js';
import type { Logger } from '../telemetry/logger.js';
import type { LogAdmin, LogReader, TopicPartition, Watermarks } from '../transport/transport.js';
import type { Cluster } from './cluster.js';

export interface StandbysOptions {
  readonly app: string;
  readonly cluster: Cluster;
  /** The topic of the tasks, and how many partitions it has. */
  readonly topic: string;
  readonly partitions: number;
  /** Standbys for each partition. */
  readonly count: number;
  /** The changelog of the users, and who reads it. */
  readonly changelog: string;
  readonly reader: LogReader;
  readonly admin: LogAdmin;
  readonly logger: Logger;
  readonly clock: Clock;
}

const RETRY_MS = 1_000;

export interface StandbyState {
  readonly partition: number;
  readonly position: bigint;
  /** Records behind the end of the changelog, as of the last fetch. */
  readonly lagRecords: number;
  readonly users: number;
}

interface Standby {
  follower: ChangelogFollower | null;
  /** Whether it has once come to the end. */
  warm: boolean;
}

/** The partitions that this process follows without having them. */
export class Standbys {
  readonly #options: StandbysOptions;
  readonly #standbys = new Map<number, Standby>();
  #closed = false;

  constructor(options: StandbysOptions) {
    this.#options = options;
  }

  /** After each assignment: begins to follow what has come to us, lets go what has gone. */
  update(): void {
    const { cluster, count, partitions } = this.#options;
    if (this.#closed) return;
    for (let partition = 0; partition < partitions; partition += 1) {
      const place = this.#placeOf(partition);
      const owner = cluster.ownerOf(place);
      // The task of a partition that is ours takes the standby over by itself.
      if (owner?.self === true) continue;
      const wanted = cluster.standbysOf(place, count).some(({ self }) => self);
      if (wanted) this.#follow(partition);
      else this.#drop(partition);
    }
  }

  /** Partitions that could be taken over soon, for the group to know. */
  warm(): readonly TopicPartition[] {
    return [...this.#standbys]
      .filter(([, standby]) => standby.warm)
      .map(([partition]) => this.#placeOf(partition));
  }

  states(): readonly StandbyState[] {
    const states: StandbyState[] = [];
    for (const [partition, { follower }] of this.#standbys) {
      if (follower === null) continue;
      const { position, end, users } = follower;
      states.push({ partition, position, lagRecords: Number(end - position), users });
    }
    return states.sort((a, b) => a.partition - b.partition);
  }

  /** Hands over what was followed of a partition, for a task to go on from; it is followed no more. */
  take(partition: number): ChangelogState | null {
    const follower = this.#standbys.get(partition)?.follower ?? null;
    if (follower === null) return null;
    const state = follower.stop();
    this.#drop(partition);
    return state;
  }

  /** The user's encoded state (undefined: not known), or null where the partition is not warm here. */
  look(partition: number, userId: string): { value: Buffer | undefined; position: bigint } | null {
    const standby = this.#standbys.get(partition);
    if (standby === undefined || !standby.warm || standby.follower === null) return null;
    return { value: standby.follower.value(userId), position: standby.follower.position };
  }

  close(): void {
    this.#closed = true;
    for (const partition of [...this.#standbys.keys()]) this.#drop(partition);
  }

  #follow(partition: number): void {
    if (this.#standbys.has(partition)) return;
    const standby: Standby = { follower: null, warm: false };
    this.#standbys.set(partition, standby);
    this.#start(partition, standby).catch((error: unknown) => {
      this.#options.logger.warn('a standby could not be started; it is tried again', {
        partition,
        retryMs: RETRY_MS,
        error,
      });
      if (this.#standbys.get(partition) === standby) this.#standbys.delete(partition);
      this.#options.clock.later(RETRY_MS, () => this.update());
    });
  }

  async #start(partition: number, standby: Standby): Promise<void> {
    const { admin, app, changelog, reader } = this.#options;
    const marks: Watermarks | undefined = (await admin.watermarks(changelog))[partition];
    if (marks === undefined || this.#standbys.get(partition) !== standby) return;
    const report = (position: bigint, end: bigint): void => {
      if (position >= marks.high) standby.warm = true;
      publish('isthmus:standby', { app, partition, position, end, done: false });
    };
    const place = { topic: changelog, partition };
    standby.follower = new ChangelogFollower(reader, place, marks.low, marks.high, report);
    report(marks.low, marks.high);
  }

  #drop(partition: number): void {
    const standby = this.#standbys.get(partition);
    if (standby === undefined) return;
    this.#standbys.delete(partition);
    const follower = standby.follower;
    if (follower === null) return;
    follower.stop();
    const { position, end } = follower;
    publish('isthmus:standby', { app: this.#options.app, partition, position, end, done: true });
  }

  #placeOf(partition: number): TopicPartition {
    return { topic: this.#options.topic, partition };
  }
}
