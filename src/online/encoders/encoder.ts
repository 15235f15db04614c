import type { Floats } from '../tower/phi.js';
import type { Multiply } from '../tower/products.js';

/**
 * The histories of a batch, one after the other: entries offsets[i] .. offsets[i+1] - 1 are those of
 * slot i, in the order in which they came.
 */
export interface Histories {
  readonly slots: number;
  /** (slots + 1) */
  readonly offsets: Int32Array;
  /** (entries) row of the item in the table. */
  readonly rows: Int32Array;
  /** (entries) in [0, 1]; 0 counts for nothing. */
  readonly weights: Floats;
  /**
   * (entries) milliseconds of event time from the entry to the time that the slot is looked at from: of
   * the event that is to be explained, or of the user's newest event when lists are made. Not below 0.
   */
  readonly ages: Float64Array;
  /** (slots) index of the domain. */
  readonly sources: Int32Array;
}

/** What an encoder reads of the model, over any floats (float64 to check gradients). */
export interface EncoderParameters<F extends Floats> {
  readonly dimension: number;
  /** (rows, d) item embeddings, the same for history and target. */
  readonly embeddings: F;
  domainName(index: number): string;
  /** Dense blocks of the encoder's own, if it has any; see blocks.ts. */
  block(key: string): F;
  /** What was learned of a domain's half-life (half-life.ts), by index; left out: nothing. */
  halfLifeDays?(source: number): number;
  /** Makes arrays of the kind that the parameters have. */
  zeros(length: number): F;
  /** Products on the backend at hand. */
  readonly multiply: Multiply<F>;
  /**
   * As the loop of the mean encoder, by a kernel: x (slots, d) and the scale of each slot; null where
   * there is no room for that.
   */
  readonly pool?: (histories: Histories) => Pooled<F> | null;
  /** The mean encoder by kernels, where there are some; it hands gradients on past the sink. */
  readonly mean?: (histories: Histories) => EncoderPass<F>;
}

/** Histories as the mean encoder sees them. */
export interface Pooled<F extends Floats> {
  /** (slots, d) */
  readonly x: F;
  /** (slots) 1 / √(Σ w_i), or 0. */
  readonly scales: Float64Array;
}

/** Takes the gradient of one entry's embedding: scale · values[at .. at + d - 1], to be added up. */
export type EntryGradientSink = (entry: number, scale: number, values: Floats, at: number) => void;

export interface EncoderPass<F extends Floats> {
  /** (slots, d) */
  readonly x: F;
  /** From dLoss/dx (slots, d): embeddings' gradients go to the sink, those of own blocks come back. */
  backward(dx: F, sink: EntryGradientSink): Map<string, F>;
}

/** x_{u,s} = Enc(R_{u,s}). Pure: depends on its arguments alone. */
export interface Encoder {
  readonly name: string;
  forward<F extends Floats>(histories: Histories, parameters: EncoderParameters<F>): EncoderPass<F>;
}
