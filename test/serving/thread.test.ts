import { afterEach, describe, expect, it } from 'vitest';
import { subscribe } from '../../src/diagnostics.js';
import type { Model } from '../../src/online/model.js';
import { SnapshotAssembler } from '../../src/online/snapshot/assemble.js';
import { ModelCopy } from '../../src/online/snapshot/copy.js';
import { encodeSnapshot } from '../../src/online/snapshot/encode.js';
import type { ThreadPort } from '../../src/serving/thread.js';
import { hostPort, ServingWorld, toldOf } from './world.js';

const seeds = [1, 2, 3, 4];
const worlds: ServingWorld[] = [];

async function worldOf(seed: number): Promise<ServingWorld> {
  const world = new ServingWorld(seed);
  const backend = 'simd';
  const port: ThreadPort = await hostPort({ settings: world.config, backend });
  worlds.push(world.open(() => port));
  return world;
}

afterEach(async () => {
  for (const world of worlds.splice(0)) await world.thread.close();
});

/** A snapshot of all that is in a model. */
function snapshotOf(model: Model): Uint8Array[] {
  const copy = new ModelCopy(model, []);
  for (const _ of copy.settle());
  return [...encodeSnapshot(copy, 700)].filter((chunk) => chunk !== null);
}

describe('a serving thread', () => {
  it.each(seeds)(
    'makes the lists of the model as it was when they were asked for (seed %i)',
    async (seed) => {
      const world = await worldOf(seed);
      for (let round = 0; round < 6; round++) {
        for (let steps = world.random.below(6); steps > 0; steps--) world.step();
        const requests = world.requests();
        const expected = await world.expected(requests);
        const made = world.thread.make(world.job(requests));
        // What comes after the question is not in the answer.
        for (let steps = 0; steps < 4; steps++) world.step();
        expect(toldOf(await made)).toEqual(expected);
      }
    },
  );

  it('answers users in many domains a few at a time, with the lists that each would have alone', async () => {
    const world = await worldOf(5);
    for (let steps = 0; steps < 30; steps++) world.step();
    const domains = Array.from({ length: world.model.domainCount }, (_, index) => index);
    const many = Array.from({ length: 20 }, () => domains).flat();
    const requests = Array.from({ length: 3 }, () => world.requests())
      .flat()
      .map((request, i) => ({ ...request, domains: i % 3 === 0 ? many : request.domains }));
    const passes = await world.passes(requests);
    expect(passes.reduce((users, pass) => users + pass.users, 0)).toBe(requests.length);
    for (const { users, lists } of passes) {
      expect(users).toBeLessThanOrEqual(64);
      if (users > 1) expect(lists.length).toBeLessThanOrEqual(256);
    }
    const alone = await Promise.all(requests.map((request) => world.expected([request])));
    expect(await world.expected(requests)).toEqual(alone.flat());
  });

  it('has what was loaded from a snapshot, also where the first one was no good', async () => {
    const other = await worldOf(8);
    for (let steps = 0; steps < 30; steps++) other.step();
    const chunks = snapshotOf(other.model);
    const world = await worldOf(9);
    const { thread } = world;
    thread.cleared();
    thread.chunk(chunks[0]!);
    thread.cleared();
    const assembler = new SnapshotAssembler(world.model);
    for (const chunk of chunks) {
      assembler.add(chunk);
      thread.chunk(chunk);
    }
    assembler.finish();
    thread.loaded();
    for (let steps = 0; steps < 5; steps++) world.step();
    const requests = world.requests();
    const expected = await world.expected(requests);
    expect(expected.length).toBeGreaterThan(10);
    expect(toldOf(await thread.make(world.job(requests)))).toEqual(expected);
  });

  it('tells of lists what the process itself tells of them', async () => {
    const world = await worldOf(5);
    for (let steps = 0; steps < 30; steps++) world.step();
    const requests = world.requests();
    const told: { users: number; lists: number; transfers?: unknown }[] = [];
    const stop = subscribe('isthmus:recommend', (event) => {
      if (event.app === world.config.appId) told.push(event);
    });
    await world.thread.make(world.job(requests));
    stop();
    const lists = requests.flatMap(({ domains }) => domains);
    expect(told).toMatchObject([{ users: requests.length, lists: lists.length }]);
    expect(told[0]!.transfers).toEqual(await world.expectedTransfers(requests));
  });

  it('fails those who wait, and says so, when it fails', async () => {
    const world = await worldOf(6);
    const made = world.thread.make(world.job(world.requests()));
    const waiting = world.thread.make(world.job(world.requests()));
    await made;
    world.thread.read(Uint8Array.of(255, 1, 2));
    const failed = { code: 'SERVING_THREAD_FAILED', disposition: 'fatal' };
    expect(await world.thread.failure).toMatchObject(failed);
    await waiting;
    await expect(world.thread.make(world.job(world.requests()))).rejects.toMatchObject(failed);
  });
});
