import { IsthmusError } from '../errors.js';
import type { Model } from '../online/model.js';
import type { Delta } from '../online/types.js';

/** Names one delta that this process computed: unique for the life of the process. */
export type DeltaId = string;

/** The id of a part of an own delta, as its record in the log tells it. */
export function ownDeltaId(task: string, sequence: number, part: number): DeltaId {
  return `${task}/${sequence}/part-${part}`;
}

/** A delta and its bytes (online/delta-codec.ts). */
export interface EncodedDelta {
  readonly delta: Delta;
  readonly payload: Buffer;
}

/**
 * Whoever keeps a second model up with a replica's, by the same additions and subtractions. An own delta
 * is told when its cycle has been computed as a whole, so the second model may lack mini-batches that
 * the first one has already.
 */
export interface ReplicaFollower {
  /** An own delta is in the table, pending. */
  added(id: DeltaId, payload: Uint8Array): void;
  /** The pending delta was taken away again. */
  withdrawn(id: DeltaId): void;
  /** The pending delta was read back from the log: it stays. */
  settled(id: DeltaId): void;
  /** A committed delta that was not pending was applied. */
  read(payload: Uint8Array): void;
}

/**
 * The one table of the process, and what of it is not yet committed.
 *
 *     table = committed + pending
 *
 * Own deltas are in the table from the moment they are computed and stay *pending* until they are
 * read back from the log; others' are applied as they are read. Since sums of deltas are exact
 * (grid.ts), *committed* is at hand at any time: the table without the pending ones (online/snapshot/copy.ts).
 *
 * | what happens to an own delta | what becomes of it |
 * |---|---|
 * | computed | applied, pending |
 * | transaction aborted | reverted |
 * | outcome unknown | reverted; if it was committed it is read back and applied then |
 * | read back while pending | no longer pending: it was committed |
 * | read back, not pending | applied, as a foreign one |
 */
export class ModelReplica {
  readonly model: Model;
  readonly #follower: ReplicaFollower | null;
  readonly #pending = new Map<DeltaId, Delta>();
  /** Pending deltas that the follower knows of. */
  readonly #told = new Set<DeltaId>();
  #sequence = 0;

  constructor(model: Model, follower: ReplicaFollower | null = null) {
    this.model = model;
    this.#follower = follower;
  }

  /** A number that no cycle of this process had before. */
  nextSequence(): number {
    this.#sequence += 1;
    return this.#sequence;
  }

  /** How many own deltas have not been read back yet. */
  get pending(): number {
    return this.#pending.size;
  }

  /** Own deltas that are in the table and have not been read back, in the order of their coming. */
  pendingDeltas(): readonly Delta[] {
    return [...this.#pending.values()];
  }

  /** Adds an own delta that was just computed. */
  computed(id: DeltaId, delta: Delta): void {
    if (this.#pending.has(id)) {
      throw new IsthmusError(
        'DELTA_ID_REUSED',
        'fatal',
        `the delta ${id} was computed twice; this is a bug in isthmus`,
      );
    }
    this.model.apply(delta);
    this.#pending.set(id, delta);
  }

  /** Puts `parts` in the place of the pending deltas `ids`, whose sum they must be. */
  coalesce(ids: readonly DeltaId[], parts: ReadonlyMap<DeltaId, EncodedDelta>): void {
    for (const id of ids) this.#pending.delete(id);
    for (const [id, { delta, payload }] of parts) {
      this.#pending.set(id, delta);
      if (this.#follower === null) continue;
      this.#follower.added(id, payload);
      this.#told.add(id);
    }
  }

  /**
   * Takes an own delta away again, unless it has been read back (then it is committed).
   * Returns whether it was taken away.
   */
  withdraw(id: DeltaId): boolean {
    const delta = this.#pending.get(id);
    if (delta === undefined) return false;
    this.model.revert(delta);
    this.#pending.delete(id);
    if (this.#told.delete(id)) this.#follower?.withdrawn(id);
    return true;
  }

  /**
   * A committed delta came from the log; `id` is null for one of another process. Returns whether it
   * was an own pending one (then it is in the table already); the payload is decoded only where it has
   * to be applied. Errors: DeltaFormatError.
   */
  read(id: DeltaId | null, payload: Uint8Array): boolean {
    if (id !== null && this.#pending.delete(id)) {
      if (this.#told.delete(id)) this.#follower?.settled(id);
      return true;
    }
    this.model.applyBytes(payload);
    this.#follower?.read(payload);
    return false;
  }
}
