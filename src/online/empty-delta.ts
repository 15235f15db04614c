import type { Delta } from './types.js';

/** Largest change of one weight, or of one value of content, in a delta, in units: from -16 to 16. */
export const MOST_UNITS = 1 << 25;

/** A delta that changes nothing. */
export function emptyDelta(): Delta {
  return {
    events: 0,
    items: {
      keys: [],
      counts: new Int32Array(0),
      values: new Int32Array(0),
      accumulators: new Float64Array(0),
    },
    blocks: [],
  };
}
