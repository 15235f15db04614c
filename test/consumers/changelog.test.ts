import { describe, expect, it } from 'vitest';
import { ChangelogFollower } from '../../src/consumers/changelog.js';
import { readChangelog } from '../../src/consumers/restore.js';
import { MemoryLog, MemoryTransport } from '../../src/transport/memory/index.js';
import { fc } from '../support/properties.js';
import { until } from '../support/service.js';

const place = { topic: 'state', partition: 0 };

type Write = { key: number; value: number | null; commit: boolean };
const writes = fc.array(
  fc.record({
    key: fc.nat(5),
    value: fc.option(fc.nat(99)),
    commit: fc.boolean(),
  }),
  { maxLength: 30 },
);

async function world() {
  const log = new MemoryLog();
  log.createTopic({ topic: 'state', partitions: 1 });
  const transport = new MemoryTransport(log);
  const reader = transport.reader(['state'], () => undefined);
  await reader.run();
  const producer = await transport.transactionalProducer('id', 60_000);
  await producer.init();
  const admin = await transport.admin();
  return {
    reader,
    transport,
    marks: async () => (await admin.watermarks('state'))[0]!,
    deleteBelow: (offset: bigint) => admin.deleteRecords('state', new Map([[0, offset]])),
    async write(list: readonly Write[]): Promise<void> {
      for (const { key, value, commit } of list) {
        const transaction = await producer.begin();
        const bytes = value === null ? null : Buffer.from(String(value));
        await transaction.send([{ ...place, key: `k${key}`, value: bytes }]);
        await (commit ? transaction.commit() : transaction.abort());
      }
    },
  };
}

type World = Awaited<ReturnType<typeof world>>;

async function cold({ reader, marks }: World): Promise<Map<string, Buffer>> {
  const signal = new AbortController().signal;
  return readChangelog(reader, place, await marks(), { signal, onProgress: () => undefined });
}

async function follow({ reader, marks }: World): Promise<ChangelogFollower> {
  const { low, high } = await marks();
  const follower = new ChangelogFollower(reader, place, low, high, () => undefined);
  await until(() => follower.position >= high, 'the follower is at the end');
  return follower;
}

describe('a takeover by a standby', () => {
  it('reads the tail only, and comes to what a restore from the beginning comes to', async () => {
    await fc.assert(
      fc.asyncProperty(writes, writes, async (before, after) => {
        const w = await world();
        await w.write(before);
        const follower = await follow(w);
        const warm = follower.stop();
        const position = warm.position;
        await w.write(after);
        const begins: bigint[] = [];
        const taken = await readChangelog(w.reader, place, await w.marks(), {
          signal: new AbortController().signal,
          onProgress: (at) => begins.push(at),
          warm,
        });
        expect(begins[0]).toBe(position);
        expect((await w.marks()).high - position).toBe(BigInt(after.length * 2));
        expect([...taken].sort()).toEqual([...(await cold(w))].sort());
        await w.transport.close();
      }),
      { numRuns: 40 },
    );
  });

  it('begins anew where the log does not hold its position any more', async () => {
    const w = await world();
    await w.write([{ key: 1, value: 1, commit: true }]);
    const warm = (await follow(w)).stop();
    await w.write([
      { key: 2, value: 2, commit: true },
      { key: 3, value: 3, commit: true },
    ]);
    await w.deleteBelow(4n);
    const taken = await readChangelog(w.reader, place, await w.marks(), {
      signal: new AbortController().signal,
      onProgress: () => undefined,
      warm,
    });
    expect([...taken.keys()]).toEqual(['k3']);
    await w.transport.close();
  });
});
