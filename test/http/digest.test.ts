import { describe, expect, it } from 'vitest';
import { ModelDigest } from '../../src/http/digest.js';

/** A model whose hashing is finished by hand, and a clock that only waiting moves. */
function setUp() {
  let now = 0;
  let events = 1;
  let computed = 0;
  const digest = new ModelDigest(
    {
      trainedEvents: () => events,
      deltaOffsets: () => [BigInt(events)],
      model: async () => {
        computed++;
        const trainedEvents = events;
        await Promise.resolve();
        return { trainedEvents, deltaOffsets: [], sha256: String(trainedEvents) };
      },
    },
    {
      clock: () => now,
      wait: async (ms) => {
        now += ms;
      },
    },
  );
  return {
    digest,
    learn: () => events++,
    computed: () => computed,
    now: () => now,
    pass: (ms: number) => {
      now += ms;
    },
  };
}

describe('the digest of the model', () => {
  it('is computed once for each version', async () => {
    const { digest, learn, computed, pass } = setUp();
    expect((await digest.get()).sha256).toBe('1');
    pass(10_000);
    expect((await digest.get()).sha256).toBe('1');
    expect(computed()).toBe(1);
    learn();
    expect((await digest.get()).sha256).toBe('2');
    expect(computed()).toBe(2);
  });

  it('is computed at most once a second, and is never older than the question', async () => {
    const { digest, learn, computed, now, pass } = setUp();
    await digest.get();
    pass(300);
    learn();
    expect((await digest.get()).sha256).toBe('2');
    expect(now()).toBe(1000);
    expect(computed()).toBe(2);
  });

  it('is shared by all who ask while it is computed, unless the model has moved on', async () => {
    const { digest, learn, computed } = setUp();
    const first = digest.get();
    learn();
    const later = await Promise.all([digest.get(), digest.get(), digest.get()]);
    expect((await first).sha256).toBe('1');
    expect(later.map(({ sha256 }) => sha256)).toEqual(['2', '2', '2']);
    expect(computed()).toBe(2);
  });
});
