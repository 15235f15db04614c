/** What a detector knows of one series. Numbers of samples and sums fade, see `observed`. */
export interface DriftState {
  /** Samples that the mean and the deviation rest on. */
  readonly weight: number;
  /** Their sum. */
  readonly sum: number;
  /** The sum of their squares. */
  readonly squares: number;
  /** g: by how many deviations the latest samples lie above the mean, beyond the slack. */
  readonly excess: number;
  /** 1 when a drift was found, fading since then; 0: none was, or long ago. */
  readonly boost: number;
  /** Drifts found, ever. */
  readonly drifts: number;
}

export const NO_SAMPLES: DriftState = Object.freeze({
  weight: 0,
  sum: 0,
  squares: 0,
  excess: 0,
  boost: 0,
  drifts: 0,
});

/** Mean and deviation rest on about so many of the newest samples. */
const MEMORY = 500;
/** Fewer tell too little of the mean for a judgement. */
const ARMED = 200;
/** κ, in deviations: what a mean may rise by without being looked at. */
const SLACK = 0.25;
/** No sample counts for more deviations than this. */
const MOST_DEVIATIONS = 4;
/** Deviations below this are rounding. */
const LEAST_DEVIATION = 1e-3;
/** A boost falls to 1/e in so many samples. */
const BOOST_MEMORY = 250;

/**
 * What is known after one more sample of a loss: Page's one-sided cumulative sum against a running
 * mean, which is the test of Page and Hinkley,
 *
 *     z = (x - m) / s                       m, s: mean and deviation of about the last 500 samples
 *     g ← max(0, g + z - κ)                 κ = 1/4
 *     drift where g > λ
 *
 * and then all but the count of drifts is forgotten, since the level has become another one. Nothing
 * is judged before 200 samples. A rise by k deviations is found after about λ / (k - κ) samples. Where nothing
 * changes, g passes λ once in (exp(2κ(λ + 1.17)) - 2κ(λ + 1.17) - 1) / 2κ² samples (Siegmund 1985, for
 * normal ones): with λ = 20, in 300,000.
 *
 * Page 1954, Continuous inspection schemes; Hinkley 1971; Gama, Žliobaitė, Bifet, Pechenizkiy and
 * Bouchachia 2014, A survey on concept drift adaptation, 3.2. The registry of npm has no library of it
 * that is kept up.
 *
 * @param threshold λ, in deviations
 */
export function observed(state: DriftState, sample: number, threshold: number): DriftState {
  const excess = excessAfter(state, sample);
  const { weight, sum, squares, boost, drifts } = state;
  if (excess > threshold) {
    const first = { weight: 1, sum: sample, squares: sample * sample };
    return { ...first, excess: 0, boost: 1, drifts: drifts + 1 };
  }
  const kept = 1 - 1 / MEMORY;
  return {
    weight: weight * kept + 1,
    sum: sum * kept + sample,
    squares: squares * kept + sample * sample,
    excess,
    boost: boost * (1 - 1 / BOOST_MEMORY),
    drifts,
  };
}

function excessAfter({ weight, sum, squares, excess }: DriftState, sample: number): number {
  if (weight < ARMED) return 0;
  const mean = sum / weight;
  const deviation = Math.sqrt(Math.max(squares / weight - mean * mean, LEAST_DEVIATION ** 2));
  const z = (sample - mean) / deviation;
  const bounded = Math.max(-MOST_DEVIATIONS, Math.min(MOST_DEVIATIONS, z));
  return Math.max(0, excess + bounded - SLACK);
}
