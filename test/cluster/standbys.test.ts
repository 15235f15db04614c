import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Config } from '../../src/config.js';
import { type DiagnosticEvents, subscribe } from '../../src/diagnostics.js';
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
const USERS = 120;

describe('warm standbys', { timeout: 60_000 }, () => {
  let log: MemoryLog;
  let config: Config;
  let client: MemoryTransport;
  let replicas: Replica[];

  beforeEach(async () => {
    log = new MemoryLog();
    client = new MemoryTransport(log);
    config = testConfig({ ISTHMUS_STANDBYS: '1' });
    await createTopics(client, config, PARTITIONS);
    replicas = await Promise.all([1, 2, 3].map(() => startReplica(log, config)));
    await settled(replicas, PARTITIONS);
  });

  afterEach(async () => {
    await Promise.all(replicas.map((replica) => replica.close()));
    await client.close();
  });

  async function warm(): Promise<void> {
    await atRest(client, config);
    const admin = await client.admin();
    await until(async () => {
      const marks = await admin.watermarks(config.userStateTopic);
      const standbys = replicas.flatMap(({ service }) => service.standbys());
      return (
        standbys.length === PARTITIONS &&
        standbys.every(({ partition, position }) => position === marks[partition]!.high)
      );
    }, 'every partition has a standby at the end of its changelog');
    await admin.close();
  }

  /** All that is recommended; the order of the domains is that of their coming to this process. */
  const lists = (replica: Replica): string =>
    JSON.stringify(
      Array.from({ length: USERS }, (_, i) =>
        ['books', 'films'].map((domain) => replica.service.recommendations(`u${i}`, domain, 5)),
      ),
    );

  test('follow each partition in as many processes as are set, none of which has it', async () => {
    await warm();
    for (const { service } of replicas) {
      const own = service.tasks().map(({ partition }) => partition);
      for (const { partition } of service.standbys()) expect(own).not.toContain(partition);
    }
  });

  test('take over by reading the tail, and come to the state of a restore from the beginning', async () => {
    await produceEvents(client, config.inputTopic, 600, { users: USERS });
    await warm();
    // Of the one that has two partitions: each of the others has room for one of them.
    const leaving = replicas.find(({ service }) => service.tasks().length === 2);
    const staying = replicas.filter((replica) => replica !== leaving);
    const moving = leaving!.service.tasks().map(({ partition }) => partition);
    const followed = new Map(
      staying.map((replica) => [replica, replica.service.standbys().map((s) => s.partition)]),
    );
    const begins = new Map<number, DiagnosticEvents['isthmus:restore']>();
    const unsubscribe = subscribe('isthmus:restore', (event) => {
      if (event.what !== 'user-state' || begins.has(event.partition)) return;
      begins.set(event.partition, event);
    });
    await leaving!.close();
    replicas = staying;
    await settled(replicas, PARTITIONS);
    unsubscribe();
    const takenWarm = staying.flatMap((replica) =>
      replica.service
        .tasks()
        .map(({ partition }) => partition)
        .filter((p) => moving.includes(p) && followed.get(replica)!.includes(p)),
    );
    expect(takenWarm.length).toBeGreaterThan(0);
    for (const partition of takenWarm) {
      const { position, end } = begins.get(partition)!;
      expect(end).toBeGreaterThan(10n);
      expect(end - position).toBeLessThan(5n);
    }
    // One process has all in the end: once by takeovers, once from the beginning.
    await replicas.pop()!.close();
    await settled(replicas, PARTITIONS);
    const taken = lists(replicas[0]!);
    await replicas.pop()!.close();
    replicas.push(await startReplica(log, testConfig()));
    await settled(replicas, PARTITIONS);
    expect(taken).toContain('fromDomain');
    expect(lists(replicas[0]!)).toBe(taken);
  });

  test('answer with how far behind they are where the owner does not answer', async () => {
    await produceEvents(client, config.inputTopic, 600, { users: USERS });
    await warm();
    const nowhere = { ISTHMUS_ADVERTISED_URL: 'http://127.0.0.1:1', ISTHMUS_STANDBYS: '1' };
    replicas.push(await startReplica(log, testConfig(nowhere)));
    const silent = replicas.at(-1)!;
    await settled(replicas, PARTITIONS);
    await warm();
    const userId = Array.from({ length: USERS }, (_, i) => `u${i}`).find(
      (id) => ownerOf(replicas, id, PARTITIONS) === silent,
    );
    for (const replica of replicas.slice(0, 3)) {
      const response = await fetch(
        `${replica.service.url}/users/${userId}/recommendations?domain=books`,
      );
      expect(response.status).toBe(200);
      expect(response.headers.get('x-isthmus-lag-records')).toBe('0');
      const { recommendations } = (await response.json()) as { recommendations: unknown };
      const expected = silent.service.recommendations(userId!, 'books', 10);
      expect(recommendations).toMatchObject(
        expected.map(({ domain, items, transfer }) => ({ domain, items, transfer })),
      );
    }
  });
});
