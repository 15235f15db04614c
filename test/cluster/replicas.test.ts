import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Config } from '../../src/config.js';
import { MemoryLog, MemoryTransport } from '../../src/transport/memory/index.js';
import {
  ownerOf,
  produceEvents,
  type Replica,
  settled,
  startReplica,
} from '../support/replicas.js';
import { atRest, createTopics, testConfig, until } from '../support/service.js';

const PARTITIONS = 4;

interface TasksAnswer {
  tasks: { partition: number; state: string }[];
  instances: { self: boolean; url: string; partitions: { partition: number; state: string }[] }[];
}

describe('three processes of one application', { timeout: 60_000 }, () => {
  let log: MemoryLog;
  let config: Config;
  let client: MemoryTransport;
  let replicas: Replica[];

  beforeEach(async () => {
    log = new MemoryLog();
    client = new MemoryTransport(log);
    config = testConfig();
    await createTopics(client, config, PARTITIONS);
    replicas = await Promise.all([1, 2, 3].map(() => startReplica(log, config)));
    await settled(replicas, PARTITIONS);
  });

  afterEach(async () => {
    await Promise.all(replicas.map((replica) => replica.close()));
    await client.close();
  });

  async function get<T>(replica: Replica, path: string, headers = {}) {
    const response = await fetch(`${replica.service.url}${path}`, { headers });
    return {
      status: response.status,
      headers: response.headers,
      body: (await response.json()) as T,
    };
  }

  async function sameModel(events: number): Promise<void> {
    await atRest(client, config);
    const services = replicas.map(({ service }) => service);
    await until(
      () =>
        services.every((service) => service.trainedEvents() === events) &&
        new Set(services.map((service) => String(service.deltaOffsets()))).size === 1,
      'all replicas have read all deltas',
    );
    const models = await Promise.all(services.map((service) => service.model()));
    for (const model of models) expect(model).toEqual(models[0]);
    expect(models[0]!.trainedEvents).toBe(events);
  }

  test('have the same model, bit for bit, when the stream rests: also one that came late', async () => {
    await produceEvents(client, config.inputTopic, 300);
    await sameModel(300);
    replicas.push(await startReplica(log, config));
    await settled(replicas, PARTITIONS);
    await produceEvents(client, config.inputTopic, 100, { from: 300 });
    await sameModel(400);
    const told = await Promise.all(replicas.map((replica) => get<object>(replica, '/model')));
    for (const { body } of told) expect(body).toEqual(told[0]!.body);
    expect(told[0]!.body).toMatchObject({ trainedEvents: 400 });
  });

  test('answer the same to a question, whoever is asked, out of the state of who has the user', async () => {
    await produceEvents(client, config.inputTopic, 300);
    await sameModel(300);
    for (const userId of ['u0', 'u1', 'u2', 'u3']) {
      const path = `/users/${userId}/recommendations?n=3`;
      const answers = await Promise.all(replicas.map((replica) => get<object>(replica, path)));
      const owner = ownerOf(replicas, userId, PARTITIONS)!;
      const expected = await get<object>(owner, path);
      expect(JSON.stringify(expected.body)).toContain('"fromDomain"');
      for (const { status, body } of answers)
        expect({ status, body }).toEqual({ status: 200, body: expected.body });
    }
  });

  test('never pass a question on that was passed on: who has not the user says 409', async () => {
    const owner = ownerOf(replicas, 'u1', PARTITIONS);
    const path = '/users/u1/recommendations';
    const forwarded = { 'x-isthmus-forwarded': 'test' };
    for (const replica of replicas) {
      const { status } = await get(replica, path, forwarded);
      expect(status).toBe(replica === owner ? 200 : 409);
    }
  });

  test('show who has which partition, in what state, at any of them', async () => {
    for (const replica of replicas) {
      const { body } = await get<TasksAnswer>(replica, '/tasks');
      expect(body.tasks).toHaveLength(replica.service.tasks().length);
      const self = body.instances.filter((instance) => instance.self);
      expect(self.map(({ url }) => url)).toEqual([replica.service.url]);
      const partitions = body.instances.flatMap((instance) => instance.partitions);
      expect(partitions.map(({ partition }) => partition).sort()).toEqual([0, 1, 2, 3]);
      expect(partitions.every(({ state }) => state === 'running')).toBe(true);
    }
  });

  test('say 503 with Retry-After for the users of a process that is gone, until they have moved', async () => {
    const nowhere = { ISTHMUS_ADVERTISED_URL: 'http://127.0.0.1:1' };
    const gone = await startReplica(log, testConfig(nowhere));
    replicas.push(gone);
    await settled(replicas, PARTITIONS);
    const userId = Array.from({ length: 50 }, (_, i) => `u${i}`).find(
      (id) => ownerOf(replicas, id, PARTITIONS) === gone,
    );
    const other = replicas[0]!;
    const path = `/users/${userId}/recommendations`;
    const { status, headers, body } = await get(other, path);
    expect([status, headers.get('retry-after')]).toEqual([503, '1']);
    expect(body).toMatchObject({ code: 'PARTITION_MOVING' });
    const { body: tasks } = await get<TasksAnswer>(other, '/tasks');
    const told = tasks.instances.find(({ url }) => url === 'http://127.0.0.1:1');
    expect(told!.partitions.length).toBeGreaterThan(0);
    expect(told!.partitions.every(({ state }) => state === 'unreachable')).toBe(true);
    await gone.close();
    replicas.pop();
    await settled(replicas, PARTITIONS);
    expect((await get(other, path)).status).toBe(200);
  });

  test('leave partitions where they are when another process comes', async () => {
    const before = new Map(
      replicas.map((replica) => [
        replica,
        replica.service.tasks().map(({ partition }) => partition),
      ]),
    );
    replicas.push(await startReplica(log, config));
    await settled(replicas, PARTITIONS);
    for (const [replica, had] of before) {
      const has = replica.service.tasks().map(({ partition }) => partition);
      expect(had).toEqual(expect.arrayContaining(has));
    }
  });
});
