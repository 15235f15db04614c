import { expect, test } from 'vitest';
import { DEFAULT_LEARNER_OPTIONS, largeStepSizes } from '../../src/online/options.js';

test('step sizes above their defaults are named, whichever they are', () => {
  const names = Object.keys(DEFAULT_LEARNER_OPTIONS).filter((name) => /learningRate$/i.test(name));
  const large = Object.fromEntries(names.map((name) => [name, 9]));
  expect(largeStepSizes(DEFAULT_LEARNER_OPTIONS)).toEqual([]);
  const told = largeStepSizes({ ...DEFAULT_LEARNER_OPTIONS, ...large });
  expect(told.map((sentence) => sentence.split(' ')[0]).sort()).toEqual(names.sort());
  expect(told[0]).toBe(`learningRate is 9, by default ${DEFAULT_LEARNER_OPTIONS.learningRate}`);
});
