import { describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.js';
import { wantsServingThread } from '../../src/main/serving-thread.js';

const CLOCK = { ...systemClock };
const WELL = { cores: 2, compiled: true };

describe('a serving thread', () => {
  it.each([
    ['auto', 'simd', systemClock, WELL, true],
    ['auto', 'plain', systemClock, WELL, true],
    ['auto', 'tensorflow', systemClock, WELL, false],
    ['auto', 'wasm', systemClock, WELL, false],
    ['auto', 'simd', CLOCK, WELL, false],
    ['auto', 'simd', systemClock, { ...WELL, cores: 1 }, false],
    ['auto', 'simd', systemClock, { ...WELL, compiled: false }, false],
    ['true', 'wasm', systemClock, { ...WELL, cores: 1 }, true],
    ['false', 'simd', systemClock, WELL, false],
  ] as const)(
    'is wanted as the setting says, or where it helps: %s, %s',
    (servingThread, backend, clock, machine, wanted) => {
      expect(wantsServingThread({ servingThread }, { backend, clock }, machine)).toBe(wanted);
    },
  );

  it('is not wanted by itself out of sources, as tests run', () => {
    const parts = { backend: 'simd', clock: systemClock } as const;
    expect(wantsServingThread({ servingThread: 'auto' }, parts, { cores: 8 })).toBe(false);
  });
});
