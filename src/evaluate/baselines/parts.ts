import type { Baseline } from './baseline.js';

/** Embeddings alone, as they were learned beside the counts: score_j = v_j · q. */
export function deep(): Baseline {
  return {
    name: 'deep',
    score({ deep, length }, scores) {
      for (let i = 0; i < length; i++) scores[i] = deep[i]!;
    },
  };
}

/** Items seen together and popularity, weighed as in the blend, without embeddings and biases. */
export function wide(): Baseline {
  return {
    name: 'wide',
    score({ wide, length }, scores) {
      for (let i = 0; i < length; i++) scores[i] = wide[i]!;
    },
  };
}
