import type { WalkHistory } from './wide/walk.js';

/** The candidates of one event, and what our own score of them is made of. */
export interface Candidates {
  /** Index of their domain. */
  readonly domain: number;
  /** What the user had done. */
  readonly histories: readonly WalkHistory[];
  /** The first `length` are ranked, the last of them is the true one. */
  readonly rows: Int32Array;
  readonly length: number;
  /** v_j · q; log(1 + c_j) for a user of whom nothing is known. */
  readonly deep: Float32Array;
  /** Our score without what comes of embeddings and biases. */
  readonly wide: Float64Array;
}

/** Another scorer, asked about the same candidates at the same time; see Prequential. */
export interface Rival {
  readonly name: string;
  /** Writes a score for each candidate, larger is better: scores[0 .. length - 1]. */
  score(candidates: Candidates, scores: Float64Array): void;
}
