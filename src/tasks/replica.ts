import { IsthmusError } from '../errors.js';
import type { Model } from '../online/model.js';
import type { Delta } from '../online/types.js';

/** Names one delta that this process computed: unique for the life of the process. */
export type DeltaId = string;

/** The id of a part of an own delta, as its record in the log tells it. */
export function ownDeltaId(task: string, sequence: number, part: number): DeltaId {
  return `${task}/${sequence}/part-${part}`;
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
  readonly #pending = new Map<DeltaId, Delta>();
  #sequence = 0;

  constructor(model: Model) {
    this.model = model;
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
  coalesce(ids: readonly DeltaId[], parts: ReadonlyMap<DeltaId, Delta>): void {
    for (const id of ids) this.#pending.delete(id);
    for (const [id, delta] of parts) this.#pending.set(id, delta);
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
    return true;
  }

  /**
   * A committed delta came from the log; `id` is null for one of another process. Returns whether it
   * was an own pending one (then it is in the table already); `apply` is called only where it was not.
   */
  read(id: DeltaId | null, apply: (model: Model) => void): boolean {
    if (id !== null && this.#pending.delete(id)) return true;
    apply(this.model);
    return false;
  }
}
