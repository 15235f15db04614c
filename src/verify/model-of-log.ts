import type { Config } from '../config.js';
import { decodeDelta } from '../online/delta-codec.js';
import { Model } from '../online/model.js';
import type { ModelDeltaRecord } from '../serde/types.js';

/**
 * The model that the deltas of the log add up to, and, by taking the newest away again, as it was at
 * lower offsets.
 */
export class ModelOfLog {
  readonly model: Model;
  readonly #tail: { partition: number; offset: bigint; payload: Buffer }[] = [];
  readonly #keepFrom: readonly bigint[] | null;

  /**
   * @param keepFrom By partition, the lowest offset that will be asked for; null: only the sum will.
   */
  constructor(config: Config, keepFrom: readonly bigint[] | null) {
    const { seed, dimension, initialScale } = config.learner;
    this.model = new Model({ seed, dimension, initialScale });
    this.#keepFrom = keepFrom;
  }

  /** A committed record of the delta topic at its partition and offset. */
  add(partition: number, offset: bigint, delta: ModelDeltaRecord): void {
    this.model.apply(decodeDelta(delta.payload));
    const from = this.#keepFrom?.[partition];
    if (from !== undefined && offset >= from) {
      this.#tail.push({ partition, offset, payload: delta.payload });
    }
  }

  /** The hash and version of all deltas below these offsets, which are not below `keepFrom`. */
  at(offsets: readonly bigint[]): { readonly sha256: string; readonly trainedEvents: number } {
    const above = this.#tail
      .filter(({ partition, offset }) => offset >= (offsets[partition] ?? 0n))
      .map(({ payload }) => decodeDelta(payload));
    for (const delta of above.toReversed()) this.model.revert(delta);
    const found = { sha256: this.model.digest(), trainedEvents: this.model.trainedEvents };
    for (const delta of above) this.model.apply(delta);
    return found;
  }
}
