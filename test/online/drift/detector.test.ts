import { describe, expect, it } from 'vitest';
import { type DriftState, NO_SAMPLES, observed } from '../../../src/online/drift/detector.js';
import { Random } from '../../../src/online/random.js';

const THRESHOLD = 20;

function run(samples: Iterable<number>, from: DriftState = NO_SAMPLES, threshold = THRESHOLD) {
  let state = from;
  for (const sample of samples) state = observed(state, sample, threshold);
  return state;
}

/** Samples of mean 0 and deviation 1 of several shapes. */
const SHAPES: Readonly<Record<string, (random: Random) => number>> = {
  normal: (random) => random.normal(),
  uniform: (random) => (random.float() - 0.5) * Math.sqrt(12),
  exponential: (random) => -Math.log(1 - random.float()) - 1,
};

function* draws(shape: (random: Random) => number, n: number, seed: number, mean = 0) {
  const random = Random.of('detector', seed);
  for (let i = 0; i < n; i++) yield shape(random) + mean;
}

/** How many samples after a step by so many deviations it was found; the series before were quiet. */
function delays(step: number, shape = SHAPES.normal!): number[] {
  return Array.from({ length: 50 }, (_, seed) => {
    let state = run(draws(shape, 600, seed));
    expect(state.drifts, `seed ${seed}`).toBe(0);
    const random = Random.of('after', seed);
    let n = 0;
    while (state.drifts === 0 && n < 10_000) {
      state = observed(state, shape(random) + step, THRESHOLD);
      n++;
    }
    return n;
  }).sort((a, b) => a - b);
}

describe('the detector of drifts', () => {
  it.each(Object.entries(SHAPES))(
    'finds hardly any in noise that stays as it is: %s',
    (_, shape) => {
      let drifts = 0;
      for (let seed = 0; seed < 20; seed++) drifts += run(draws(shape, 6000, seed)).drifts;
      // 120,000 samples: less than one is what theory says of normal noise, the running mean adds to it.
      expect(drifts).toBeLessThanOrEqual(3);
    },
  );

  it('finds many with a low threshold: what is above is not for want of looking', () => {
    let drifts = 0;
    for (let seed = 0; seed < 20; seed++) {
      drifts += run(draws(SHAPES.normal!, 2000, seed), NO_SAMPLES, 3).drifts;
    }
    expect(drifts).toBeGreaterThan(100);
  });

  it('finds a rise by k deviations after about λ / (k - κ) samples', () => {
    for (const step of [0.75, 1, 2]) {
      const expected = THRESHOLD / (step - 0.25);
      const found = delays(step);
      expect(found[25]! / expected, `step ${step}, median`).toBeGreaterThan(0.7);
      expect(found[25]! / expected, `step ${step}, median`).toBeLessThan(1.5);
      expect(found[47]! / expected, `step ${step}, 95 %`).toBeLessThan(2.5);
    }
  });

  it('does not mind a loss that falls, nor judge before it has seen enough', () => {
    const falling = [...draws(SHAPES.normal!, 5000, 1)].map((x, i) => x - i / 500);
    expect(run(falling).drifts).toBe(0);
    expect(run([...Array(100).fill(0), ...Array(99).fill(1e6)]).drifts).toBe(0);
  });

  it('is the same for any unit of the loss', () => {
    const samples = [...draws(SHAPES.normal!, 1000, 2), ...draws(SHAPES.normal!, 100, 3, 1)];
    const whenFound = (scale: number): number => {
      let state = NO_SAMPLES;
      return samples.findIndex((x) => {
        state = observed(state, scale * x + scale, THRESHOLD);
        return state.drifts > 0;
      });
    };
    expect(whenFound(1)).toBeGreaterThan(1000);
    expect(whenFound(64)).toBe(whenFound(1));
  });

  it('starts afresh from the new level, and the boost fades', () => {
    const quiet = run(draws(SHAPES.normal!, 1000, 4));
    expect(quiet).toMatchObject({ boost: 0, drifts: 0 });
    let state = quiet;
    const random = Random.of('new level');
    while (state.drifts === 0) state = observed(state, 2 + random.normal(), THRESHOLD);
    expect(state).toMatchObject({ weight: 1, excess: 0, boost: 1, drifts: 1 });
    state = run(draws(SHAPES.normal!, 250, 5, 2), state);
    expect(state.boost).toBeCloseTo(Math.exp(-1), 2);
    state = run(draws(SHAPES.normal!, 3000, 6, 2), state);
    expect(state.drifts).toBe(1);
    expect(state.boost).toBeLessThan(1e-4);
  });
});
