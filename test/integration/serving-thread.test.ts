import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it } from 'vitest';
import { describeError } from '../../src/errors.js';
import { ServingWorld, toldOf } from '../serving/world.js';

let world: ServingWorld | null = null;

/** A thread of the compiled code, beside a world of the sources. */
function open(): ServingWorld {
  const entry = new URL('../../dist/serving/thread-entry.js', import.meta.url);
  world = new ServingWorld(11).open((workerData) => new Worker(entry, { workerData }));
  return world;
}

afterEach(async () => {
  await world?.thread.close();
  world = null;
});

describe('a thread of its own', () => {
  it('makes the lists of the model as it was when they were asked for', async () => {
    const world = open();
    for (let round = 0; round < 4; round++) {
      for (let steps = 0; steps < 8; steps++) world.step();
      const requests = world.requests();
      const expected = await world.expected(requests);
      const made = world.thread.make(world.job(requests));
      for (let steps = 0; steps < 4; steps++) world.step();
      expect(toldOf(await made)).toEqual(expected);
    }
  });

  it('says so when it fails, with the cause, and fails those who wait', async () => {
    const world = open();
    for (let steps = 0; steps < 8; steps++) world.step();
    const requests = world.requests();
    world.thread.read(Uint8Array.of(255, 1, 2));
    const failed = { code: 'SERVING_THREAD_FAILED', disposition: 'fatal' };
    await expect(world.thread.make(world.job(requests))).rejects.toMatchObject(failed);
    expect(describeError(await world.thread.failure)).toContain('cut off');
  });
});
