import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { createSnapshot, listSnapshots, prune } from '../../src/snapshots/commands.js';
import { rebuildModel } from '../../src/snapshots/rebuild.js';
import { snapshotWriterId } from '../../src/snapshots/writer.js';
import { KafkaTransport } from '../../src/transport/kafka/index.js';
import { randomDeltas } from '../online/model-fixtures.js';
import { SnapshotWorld, sum } from '../snapshots/world.js';

const app = `snapshots-${Date.now()}`;
const deltas = randomDeltas(21, 30);
const options = { now: Date.now };
let world: SnapshotWorld;

beforeAll(async () => {
  const transport = new KafkaTransport({ brokers: [inject('kafkaBrokers')], clientId: app });
  world = await new SnapshotWorld(
    {
      ISTHMUS_APP_ID: app,
      ISTHMUS_INPUT_TOPIC: `${app}.events`,
      ISTHMUS_ITEMS_TOPIC: `${app}.items`,
      ISTHMUS_RECOMMENDATIONS_TOPIC: `${app}.lists`,
    },
    transport,
  ).open();
});
afterAll(() => world.close());

describe('snapshots in Kafka', () => {
  test('are written in one transaction, found from the end, pruned with the deltas below, and enough', async () => {
    for (let i = 0; i < 3; i++) {
      await world.learn(deltas.slice(i * 8, i * 8 + 8));
      await createSnapshot(world.transport, world.config, options);
    }
    await world.learn(deltas.slice(24));
    const whole = sum(deltas).digest();
    const slow = await rebuildModel(world.transport, world.config, { useSnapshots: false });
    expect(slow.model.digest()).toBe(whole);

    const pruned = await prune(world.transport, world.config, { keep: 2 });
    expect(pruned.kept).toHaveLength(2);
    expect(pruned.deltaRecords).toBeGreaterThan(0);
    const listed = await listSnapshots(world.transport, world.config);
    expect(listed.map(({ fault }) => fault)).toEqual([null, null]);

    const { model, snapshot, refused } = await rebuildModel(world.transport, world.config);
    expect(snapshot?.id).toBe(pruned.kept[0]);
    expect(refused).toEqual([]);
    expect(model.digest()).toBe(whole);
    await expect(
      rebuildModel(world.transport, world.config, { useSnapshots: false }),
    ).rejects.toMatchObject({ code: 'MODEL_LOG_TRUNCATED' });
  });

  test('a writer that hangs in the middle holds nobody up, and is fenced by the next one', async () => {
    const id = snapshotWriterId(app);
    const hanging = await world.transport.transactionalProducer(id, 60_000);
    await hanging.init();
    const transaction = await hanging.begin();
    const { modelSnapshotsTopic: topic } = world.config;
    await transaction.send([{ topic, partition: 0, key: 'torn/0', value: Buffer.alloc(100) }]);

    const before = await rebuildModel(world.transport, world.config);
    expect(before.model.digest()).toBe(sum(deltas).digest());
    const { id: next } = await createSnapshot(world.transport, world.config, options);
    await expect(transaction.commit()).rejects.toMatchObject({ code: 'PRODUCER_FENCED' });
    const { snapshot, refused } = await rebuildModel(world.transport, world.config);
    expect(snapshot?.id).toBe(next);
    expect(refused).toEqual([]);
    await hanging.close();
  });
});
