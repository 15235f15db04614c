import { afterEach, describe, expect, it } from 'vitest';
import { deltaFault } from '../../src/online/delta.js';
import { decodeDelta, encodeDelta } from '../../src/online/delta-codec.js';
import { ENCODERS } from '../../src/online/encoders/index.js';
import { Learner } from '../../src/online/learner.js';
import { MiniBatch } from '../../src/online/minibatch.js';
import { Random } from '../../src/online/random.js';
import { createTower } from '../../src/online/tower/backend.js';
import { User } from '../../src/online/user.js';
import { MemoryLog, MemoryTransport } from '../../src/transport/memory/index.js';
import {
  atRest,
  createTopics,
  eventRecord,
  readLists,
  startService,
  testConfig,
  until,
} from '../support/service.js';
import { type Touch, World } from './learner-world.js';

const DAY_MS = 86_400_000;

function touches(count: number, seed: string): Touch[] {
  const random = Random.of(seed);
  return Array.from({ length: count }, () => ({
    user: `u${random.below(9)}`,
    domain: random.float() < 0.5 ? 'films' : 'books',
    item: `i${random.below(20)}`,
    weight: random.float() < 0.2 ? 0.5 : 1,
  }));
}

for (const name of ENCODERS.keys()) {
  describe(`learning with the encoder ${name}`, () => {
    it('gives a delta that is finite, survives the log, and can be taken away again', () => {
      const world = new World({ encoder: name, miniBatch: 16 }).feed(touches(200, 'past'));
      const batch = new MiniBatch(world.model);
      for (const touch of touches(40, 'now')) world.capture(batch, touch);
      const { delta, examples } = world.learner.learn(batch, ['place']);
      expect(examples).toBeGreaterThan(40);
      expect(deltaFault(delta)).toBeNull();
      const read = decodeDelta(encodeDelta(delta));
      expect(read.blocks).toEqual(delta.blocks);
      const before = world.model.digest();
      world.model.apply(read);
      expect(world.model.digest()).not.toBe(before);
      world.model.revert(delta);
      expect(world.model.digest()).toBe(before);
      const own = delta.blocks.filter(({ key }) => key.startsWith(`${name}/`));
      expect(own.length > 0).toBe(name !== 'mean');
      for (const { values } of own) expect(values.some((value) => value !== 0)).toBe(true);
    });

    it('comes to the same model again, bit for bit', async () => {
      const { tower } = await createTower('simd');
      const once = new World({ encoder: name }, 3, tower).feed(touches(150, 'again'));
      const twice = new World({ encoder: name }, 3, tower).feed(touches(150, 'again'));
      expect(twice.model.digest()).toBe(once.model.digest());
    });
  });
}

it('an example sees the ages of what was before it, as of the event that it explains', () => {
  const world = new World({ historyDropout: 0, replay: 0, ownDomainDropout: 0, singleSource: 0 });
  world.feed(touches(50, 'past'));
  const { model } = world;
  const films = model.domainIndex('films');
  const rows = ['i1', 'i2', 'i3'].map((item) => model.intern('films', item));
  const learn = (halfLifeDays: number, days: readonly number[]) => {
    const user = new User('u');
    for (const [i, day] of days.entries()) user.push(rows[i]!, films, 1, day * DAY_MS);
    const batch = new MiniBatch(model);
    batch.add(user, rows[2]!, 1, 100 * DAY_MS);
    const options = { ...world.learner.options, halfLifeDays };
    return new Learner(model, world.learner.tower, options).learn(batch, ['age']).delta;
  };
  expect(learn(10, [80, 90])).not.toEqual(learn(10, [60, 90]));
  expect(learn(0, [80, 90])).toEqual(learn(0, [60, 90]));
  // Later than the event itself is as late as can be.
  expect(learn(10, [100, 100])).toEqual(learn(10, [120, 100]));
});

describe('the service with an encoder for sequences', () => {
  const transport = new MemoryTransport(new MemoryLog());
  afterEach(() => transport.close());

  it('answers, and restores the same model from the log', async () => {
    const config = testConfig({
      ISTHMUS_LEARNER_ENCODER: 'conv',
      ISTHMUS_LEARNER_HALF_LIFE_DAYS: '30',
      ISTHMUS_BACKEND: 'simd',
    });
    await createTopics(transport, config, 1);
    const service = await startService(transport, config);
    const producer = await transport.producer();
    await producer.send(
      Array.from({ length: 150 }, (_, i) =>
        eventRecord(config.inputTopic, {
          userId: `u${i % 7}`,
          itemId: `i${(i * 5) % 31}`,
          domain: i % 3 === 0 ? 'films' : 'books',
          occurredAtMs: 1_700_000_000_000 + i * DAY_MS,
        }),
      ),
    );
    await producer.close();
    await atRest(transport, config);
    expect((await readLists(transport, config)).length).toBeGreaterThan(0);
    const { sha256 } = await service.model();
    const lists = service.recommendations('u1', 'films', 5);
    expect(lists[0]!.items).toHaveLength(5);
    await service.close();
    const again = await startService(transport, config);
    await restored(again, 'u1');
    expect((await again.model()).sha256).toBe(sha256);
    expect(again.recommendations('u1', 'films', 5)).toEqual(lists);
    await again.close();
  });
});

/** Until the service has restored the user. */
async function restored(
  service: Awaited<ReturnType<typeof startService>>,
  userId: string,
): Promise<void> {
  await until(() => {
    const [list] = service.recommendations(userId, 'films', 1);
    return (list?.transfer.length ?? 0) > 0;
  }, `${userId} is restored`);
}
