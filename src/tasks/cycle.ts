import { mergeDeltas } from '../online/delta.js';
import { encodeDelta, splitDelta } from '../online/delta-codec.js';
import { nextOf, OverlappingUsers, type Place } from '../online/overlapping-users.js';
import type { Random } from '../online/random.js';
import type { Delta } from '../online/types.js';
import { User } from '../online/user.js';
import {
  drawUser,
  isOverlapping,
  type LearnedUsers,
  type UsersInOrder,
} from '../online/user-store.js';
import type { BatchSpan } from '../telemetry/tracing.js';
import type { LogRecord, OutgoingRecord } from '../transport/transport.js';
import type { DeltaId, EncodedDelta, ModelReplica } from './replica.js';

/** What one cycle of a task computed: enough to send it, and enough to take it back. */
export interface Cycle {
  /** The offset at which the cycle began. */
  readonly firstOffset: bigint;
  /** One past the last record; null where no record was taken. */
  readonly nextOffset: bigint | null;
  /** Input records that went into it. */
  readonly records: number;
  /** What became of them; told when the cycle is committed. */
  readonly outcomes: { publish(): void };
  readonly output: readonly OutgoingRecord[];
  readonly deltaBytes: number;
  /** Own deltas in the table, in order of computation. */
  readonly deltaIds: readonly DeltaId[];
  /** The users as they were before; null where the cycle brought them in. */
  readonly before: ReadonlyMap<string, User | null>;
  /** Record timestamps of the events that were answered, in milliseconds. */
  readonly answeredTimestampsMs: readonly number[];
  readonly trace: BatchSpan;
}

/**
 * What a task does with its records, apart from its place in the stream: neither transactions nor
 * the consumer are known to it.
 */
export interface TaskWork {
  /** The offset from which the task goes on. */
  startAt(position: bigint): void;
  /** When there is something to do without new records, or null. `backlog`: records not yet taken. */
  nextDueMs(backlog: number): number | null;
  /** Makes a cycle of the records. State is changed when it is fulfilled; where it rejects, none is. */
  compute(records: readonly LogRecord[], backlog: number): Promise<Cycle>;
  /** Takes back a cycle that was not committed; newer ones have to be taken back before. */
  undo(cycle: Cycle): void;
}

/** A delta record has to fit below the broker's limit of 1 MiB for a batch, headers included. */
const MOST_PART_BYTES = 600_000;
/** The largest matrix of the tower has to fit a part. */
const LEAST_PART_BYTES = 64_000;

/** Returns the bytes that a part of a delta may take where records may have so many. */
export function deltaPartBytes(maxRecordBytes: number): number {
  return Math.min(MOST_PART_BYTES, Math.max(LEAST_PART_BYTES, Math.floor(0.6 * maxRecordBytes)));
}

/** Users that are changed on copies: nothing shows below until `keep`. */
export class UserOverlay implements UsersInOrder, LearnedUsers {
  readonly #below: UsersInOrder;
  readonly #changed = new Map<string, User>();
  /** Those who have come to a second domain since. */
  readonly #overlapping = new OverlappingUsers();

  constructor(below: UsersInOrder) {
    this.#below = below;
  }

  /** The user as changed so far; undefined for one that is not known. */
  get(userId: string): User | undefined {
    return this.#changed.get(userId) ?? this.#below.get(userId);
  }

  /** A copy to be changed; a new user where none is known. */
  edit(userId: string): User {
    let user = this.#changed.get(userId);
    if (user === undefined) {
      user = this.#below.get(userId)?.clone() ?? new User(userId);
      this.#changed.set(userId, user);
    }
    return user;
  }

  /** The users that were edited, in order of their first edit. */
  get changed(): ReadonlyMap<string, User> {
    return this.#changed;
  }

  /** Takes over what an overlay on top of this one changed. */
  keep(above: UserOverlay): void {
    for (const [userId, user] of above.#changed) {
      const before = this.get(userId);
      this.#changed.set(userId, user);
      const overlapped = before !== undefined && isOverlapping(before);
      if (!overlapped && isOverlapping(user)) this.overlaps(user);
    }
  }

  overlaps(user: User): void {
    this.#overlapping.add(user.id);
  }

  after(place: Place): Place | undefined {
    return nextOf(place, this.#overlapping, this.#below);
  }

  drawOverlapping(random: Random): User | undefined {
    return drawUser(this, random);
  }
}

/** The deltas of a cycle while it is computed: one a mini-batch, in the table at once. */
export class CycleDeltas {
  readonly #replica: ModelReplica;
  readonly #name: string;
  readonly #partBytes: number;
  #pending: { readonly id: DeltaId; readonly delta: Delta }[] = [];

  /**
   * @param name unique in the process: task and number of the cycle.
   * @param partBytes that a part takes at the most.
   */
  constructor(replica: ModelReplica, name: string, partBytes: number) {
    this.#replica = replica;
    this.#name = name;
    this.#partBytes = partBytes;
  }

  get ids(): readonly DeltaId[] {
    return this.#pending.map(({ id }) => id);
  }

  add(delta: Delta): void {
    const id = `${this.#name}/batch-${this.#pending.length}`;
    this.#replica.computed(id, delta);
    this.#pending.push({ id, delta });
  }

  /** Makes one delta of all, in parts that fit a record; `partId` names them as the log will. */
  coalesce(partId: (part: number) => DeltaId): EncodedDelta[] {
    const whole = mergeDeltas(this.#pending.map(({ delta }) => delta));
    const parts = splitDelta(whole, this.#partBytes).map((delta, part) => {
      return { id: partId(part), delta, payload: encodeDelta(delta) };
    });
    this.#replica.coalesce(this.ids, new Map(parts.map((part) => [part.id, part])));
    this.#pending = parts;
    return parts;
  }

  /** Takes everything out of the table again. */
  withdraw(): void {
    for (const { id } of this.#pending.toReversed()) this.#replica.withdraw(id);
    this.#pending = [];
  }
}
