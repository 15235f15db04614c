import { describe, expect, it } from 'vitest';
import { shiftStream } from '../../src/cli/quality/shift-stream.js';
import { Engine, type EngineInput } from '../../src/online/engine.js';
import { takesFitted } from '../../src/online/fitting/ways.js';
import { simdMemory } from '../../src/online/kernels/memory.js';
import { Learner } from '../../src/online/learner.js';
import { Model } from '../../src/online/model.js';
import { Preprocessor } from '../../src/online/preprocess/preprocessor.js';
import { Prequential } from '../../src/online/prequential.js';
import { createTower } from '../../src/online/tower/backend.js';
import { UserStore } from '../../src/online/user-store.js';

const SHIFT = 10_000;
const BUDGET = 50_000;
const WINDOW = 2000;
/** Counts tell the new way as well, if more slowly: here is asked how fast the embeddings find it. */
const EMBEDDINGS_COUNT = {
  blendPopularity: 0.75,
  blendDeepNew: 0.4,
  blendLift: 1.2,
  blendLiftNew: 1.2,
  blendWalk: 0.5,
  blendWalkNew: 0.5,
};
const SMALL = { groups: 8, itemsOfGroup: 20, activeUsers: 100 };

/**
 * Learns a planted stream whose way from one domain to the other changes at event 10,000, and yields by
 * window of 2,000 events HR@10 of the events in the domain that users come to, and the drifts found.
 */
async function* recovery(driftBoost: number) {
  const { tower } = await createTower('wasm');
  const options = { dimension: 16, driftBoost, ...EMBEDDINGS_COUNT };
  const model = new Model(
    { seed: 1, dimension: 16, initialScale: 0.02 },
    simdMemory(16) ?? undefined,
  );
  const learner = new Learner(model, tower, options);
  const prequential = new Prequential(model, tower, { seed: 1, blend: learner.options });
  const engine = new Engine({ model, learner, preprocessor: new Preprocessor({}), prequential });
  const users = new UserStore();
  const rows = shiftStream(SHIFT + BUDGET, SHIFT, 1, SMALL)
    .trimEnd()
    .split('\n')
    .slice(1);
  for (let from = 0; from < rows.length; from += WINDOW) {
    let [hits, samples] = [0, 0];
    const drifts: string[] = [];
    for (let first = from; first < from + WINDOW; first += 100) {
      const inputs = rows.slice(first, first + 100).map((row, i): EngineInput => {
        const [userId, itemId, domain] = row.split(',') as [string, string, string];
        const event = { userId, itemId, domain, action: 'like', value: null, eventId: null };
        const offset = BigInt(first + i);
        const scored = domain === 'there' && from + WINDOW >= SHIFT;
        return { event: { ...event, occurredAtMs: first + i }, offset, scored };
      });
      const result = engine.train(inputs, { topic: 't', partition: 0 }, users);
      model.apply(result.delta);
      for (const { source, target } of result.drifts) drifts.push(`${source} → ${target}`);
      for (const { rank } of result.samples) if (rank < 10) hits++;
      samples += result.samples.length;
    }
    const [here, there] = [model.domainIndex('here'), model.domainIndex('there')];
    const isFitted = takesFitted(model, here, there);
    yield { events: from + WINDOW, hr10: hits / Math.max(1, samples), drifts, isFitted };
  }
}

/** HR@10 before the shift, 6,000 events after it, and after how many it was back at 95 %. */
async function figures(driftBoost: number, until: number) {
  let [before, soon, back] = [0, 0, Number.POSITIVE_INFINITY];
  const drifts: { events: number; what: string }[] = [];
  const fitted: boolean[] = [];
  for await (const { events, hr10, drifts: found, isFitted } of recovery(driftBoost)) {
    fitted.push(isFitted);
    for (const what of found) drifts.push({ events, what });
    if (events === SHIFT) before = hr10;
    if (events <= SHIFT) continue;
    if (events === SHIFT + 6000) soon = hr10;
    if (hr10 >= 0.95 * before) back = Math.min(back, events - SHIFT);
    if (events >= SHIFT + (Number.isFinite(back) ? 6000 : until)) break;
  }
  return { before, soon, back, drifts, fitted };
}

describe('a planted mapping that changes in mid-stream', () => {
  it('is found at once and learned anew: quality is back at 95 % within 50,000 events', async () => {
    const watched = await figures(100, BUDGET);
    expect(watched.drifts.map(({ what }) => what)).toContain('here → there');
    expect(watched.drifts.every(({ events }) => events === SHIFT + WINDOW)).toBe(true);
    expect(watched.soon).toBeGreaterThan(0.85 * watched.before);
    expect(watched.back).toBeLessThanOrEqual(BUDGET);
    // Newcomers are no longer led where those were who are in both: nearly all of them came before.
    expect(watched.fitted.slice(0, SHIFT / WINDOW)).not.toContain(false);
    expect(watched.fitted.at(-1)).toBe(false);
  }, 60_000);

  it('takes its time where nobody looks for drifts', async () => {
    const unwatched = await figures(0, 6000);
    expect(unwatched.drifts).toEqual([]);
    expect(unwatched.soon).toBeLessThan(0.75 * unwatched.before);
  }, 60_000);
});
