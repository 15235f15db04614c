import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { partitionFor } from '../../src/transport/partitioner.js';
import type {
  GroupConsumer,
  GroupMemberInfo,
  LogAdmin,
  LogRecord,
  MemberClaim,
  OutgoingRecord,
  TopicPartition,
  TransactionalProducer,
  Transport,
} from '../../src/transport/transport.js';

export interface TransportUnderTest {
  /** A transport over the same log, as another process would have it. */
  open(): Transport;
  /** Ends it as kill -9 does: no leave, no abort. Its group session times out. */
  crash(transport: Transport): Promise<void>;
  readonly sessionTimeoutMs: number;
}

/** Registers the laws that every transport obeys. */
export function transportContract(name: string, subject: () => TransportUnderTest): void {
  describe(`the ${name} transport`, () => {
    const opened: Transport[] = [];

    function open(): Transport {
      const transport = subject().open();
      opened.push(transport);
      return transport;
    }

    afterEach(async () => {
      await Promise.all(opened.splice(0).map((transport) => transport.close()));
    });

    async function withTopics(...counts: number[]): Promise<{
      transport: Transport;
      admin: LogAdmin;
      topics: string[];
    }> {
      const transport = open();
      const admin = await transport.admin();
      const topics = counts.map(() => `t-${randomUUID().slice(0, 8)}`);
      await admin.createTopics(
        counts.map((partitions, index) => ({ topic: topics[index]!, partitions })),
      );
      return { transport, admin, topics };
    }

    async function initialised(transport: Transport, id: string): Promise<TransactionalProducer> {
      const producer = await transport.transactionalProducer(id, 120_000);
      await producer.init();
      return producer;
    }

    /** What a reader meets from `from` up to the high watermark as of now. */
    async function readAll(
      transport: Transport,
      topic: string,
      partition = 0,
      from = 0n,
    ): Promise<{ records: LogRecord[]; position: bigint }> {
      const admin = await transport.admin();
      const { high } = (await admin.watermarks(topic))[partition]!;
      const reader = transport.reader([topic], (error) => {
        throw error;
      });
      await reader.run();
      const records: LogRecord[] = [];
      let position = from;
      const subscription = reader.follow({ topic, partition }, from, {
        onRecords: (batch, next) => {
          records.push(...batch);
          position = next;
        },
      });
      await until(() => position >= high);
      await until(() => subscription.position >= high);
      await reader.close();
      return { records, position };
    }

    describe('topics', () => {
      test('are created once: a second call returns no names', async () => {
        const { admin, topics } = await withTopics(3);
        const spec = { topic: topics[0]!, partitions: 3 };
        const fresh = {
          topic: `${topics[0]}-b`,
          partitions: 1,
          config: { 'retention.ms': '1000' },
        };
        expect(await admin.createTopics([spec, fresh])).toEqual([fresh.topic]);
        expect(await admin.listTopics([spec.topic, fresh.topic])).toEqual([
          { topic: spec.topic, partitions: 3 },
          { topic: fresh.topic, partitions: 1 },
        ]);
      });

      test('that do not exist are left out of the list, or named where they are asked for, at once', async () => {
        const { admin, topics } = await withTopics(1);
        const start = performance.now();
        expect(await admin.listTopics(['no-such-topic', topics[0]!])).toEqual([
          { topic: topics[0], partitions: 1 },
        ]);
        await admin.deleteTopics(['no-such-topic']);
        await expect(admin.watermarks('no-such-topic')).rejects.toMatchObject({
          code: 'TOPIC_MISSING',
        });
        await expect(admin.committed('g', 'no-such-topic')).rejects.toMatchObject({
          code: 'TOPIC_MISSING',
        });
        expect(performance.now() - start).toBeLessThan(2_000);
      });

      test('are gone after they were deleted', async () => {
        const { admin, topics } = await withTopics(1, 1);
        await admin.deleteTopics([topics[0]!]);
        expect(await admin.listTopics(topics)).toEqual([{ topic: topics[1], partitions: 1 }]);
      });

      test('that are missing are named by producers and consumers', async () => {
        const transport = open();
        const producer = await transport.producer();
        const record = { topic: 'no-such-topic', key: 'k', value: Buffer.from('v') };
        await expect(producer.send([record])).rejects.toMatchObject({ code: 'TOPIC_MISSING' });
        const reader = transport.reader(['no-such-topic'], () => undefined);
        await expect(reader.run()).rejects.toMatchObject({ code: 'TOPIC_MISSING' });
        const consumer = transport.groupConsumer({
          ...consumerOptions('g', ['no-such-topic']),
        });
        await expect(consumer.run(ignore)).rejects.toMatchObject({ code: 'TOPIC_MISSING' });
      });
    });

    describe('records', () => {
      test('come back with key, value, headers and time, in their order', async () => {
        const { transport, topics } = await withTopics(1);
        const topic = topics[0]!;
        const producer = await transport.producer();
        const binary = Buffer.from([0, 255, 128]);
        await producer.send([
          {
            topic,
            key: 'clé',
            value: Buffer.from('one'),
            headers: { trace: 'abc', raw: binary },
            timestampMs: 1_700_000_000_123,
          },
          { topic, key: null, value: null, timestampMs: 1_600_000_000_000 },
          { topic, key: Buffer.alloc(0), value: Buffer.alloc(0), timestampMs: 5 },
        ]);
        const { records } = await readAll(transport, topic);
        expect(records.map(({ offset }) => offset)).toEqual([0n, 1n, 2n]);
        expect(records.map(({ timestampMs }) => timestampMs)).toEqual([
          1_700_000_000_123, 1_600_000_000_000, 5,
        ]);
        expect(records[0]).toMatchObject({ topic, partition: 0 });
        expect(records[0]!.key).toEqual(Buffer.from('clé'));
        expect(records[0]!.value).toEqual(Buffer.from('one'));
        expect(records[0]!.headers.trace).toEqual(Buffer.from('abc'));
        expect(records[0]!.headers.raw).toEqual(binary);
        expect(records[1]).toMatchObject({ key: null, value: null, headers: {} });
        expect(records[2]!.key).toEqual(Buffer.alloc(0));
        expect(records[2]!.value).toEqual(Buffer.alloc(0));
      });

      test('without a time get the time of their sending', async () => {
        const { transport, topics } = await withTopics(1);
        const before = Date.now();
        await (await transport.producer()).send([text(topics[0]!, 'k', 'v')]);
        const { records } = await readAll(transport, topics[0]!);
        expect(records[0]!.timestampMs).toBeGreaterThanOrEqual(before);
        expect(records[0]!.timestampMs).toBeLessThanOrEqual(Date.now());
      });

      test('go to the partition that they name, or to that of their key (murmur2)', async () => {
        const { transport, topics } = await withTopics(5);
        const topic = topics[0]!;
        const producer = await transport.producer();
        const keys = Array.from({ length: 40 }, (_, i) => `user-${i}`);
        await producer.send(keys.map((key) => text(topic, key, key)));
        await producer.send([{ ...text(topic, 'user-0', 'named'), partition: 4 }]);
        for (let partition = 0; partition < 5; partition++) {
          const { records } = await readAll(transport, topic, partition);
          const values = records.map(({ value }) => value!.toString());
          const expected = keys.filter((key) => partitionFor(key, 5) === partition);
          expect(values).toEqual(partition === 4 ? [...expected, 'named'] : expected);
        }
      });

      test('for a partition that does not exist are refused', async () => {
        const { transport, topics } = await withTopics(2);
        const producer = await transport.producer();
        const record = { ...text(topics[0]!, 'k', 'v'), partition: 7 };
        await expect(producer.send([record])).rejects.toMatchObject({ code: 'PARTITION_MISSING' });
      });

      test('of many megabytes in one send all arrive, in order', async () => {
        const { transport, topics } = await withTopics(1);
        const topic = topics[0]!;
        const value = Buffer.alloc(1_000, 7);
        const producer = await initialised(transport, `big-${topic}`);
        const transaction = await producer.begin();
        await transaction.send(
          Array.from({ length: 5_000 }, (_, i) => ({ topic, key: String(i), value })),
        );
        await transaction.commit();
        const { records } = await readAll(transport, topic);
        expect(records.length).toBe(5_000);
        expect(records.every((record, i) => record.key!.toString() === String(i))).toBe(true);
      });

      test('that were deleted are gone: the low watermark says so, reading below it fails', async () => {
        const { transport, admin, topics } = await withTopics(2);
        const topic = topics[0]!;
        const producer = await transport.producer();
        const values = ['a', 'b', 'c', 'd'];
        await producer.send(values.map((value) => ({ ...text(topic, null, value), partition: 1 })));
        await admin.deleteRecords(topic, new Map([[1, 3n]]));
        expect(await admin.watermarks(topic)).toEqual([
          { low: 0n, high: 0n },
          { low: 3n, high: 4n },
        ]);
        const { records } = await readAll(transport, topic, 1, 3n);
        expect(valuesOf(records)).toEqual(['d']);
        const crashes: Error[] = [];
        const reader = transport.reader([topic], (error) => crashes.push(error));
        await reader.run();
        reader.follow({ topic, partition: 1 }, 1n, { onRecords: () => undefined });
        await until(() => crashes.length > 0);
        expect(crashes[0]).toMatchObject({ code: 'OFFSET_OUT_OF_RANGE' });
      });
    });

    describe('a transaction', () => {
      test('shows its records and offsets together, and only once it is committed', async () => {
        const { transport, admin, topics } = await withTopics(1, 2);
        const [first, second] = topics as [string, string];
        const group = `g-${first}`;
        const producer = await initialised(transport, `id-${first}`);
        const transaction = await producer.begin();
        await transaction.send([
          text(first, 'k', '1'),
          { ...text(second, 'k', '2'), partition: 1 },
        ]);
        await transaction.sendOffsets(group, [{ topic: first, partition: 0, offset: 41n }]);
        const seen = collect(transport, first);
        await sleep(150);
        expect((await seen).records).toEqual([]);
        expect(await admin.committed(group, first)).toEqual([null]);
        await transaction.commit();
        await until(async () => (await seen).records.length === 1);
        await until(async () => (await admin.committed(group, first))[0] === 41n);
        expect(valuesOf((await readAll(transport, second, 1)).records)).toEqual(['2']);
        expect(await admin.committed(group, second)).toEqual([null, null]);
      });

      test('that is aborted leaves nothing to read, and no offsets', async () => {
        const { transport, admin, topics } = await withTopics(1);
        const topic = topics[0]!;
        const producer = await initialised(transport, `id-${topic}`);
        const lost = await producer.begin();
        await lost.send([text(topic, 'k', 'lost')]);
        await lost.sendOffsets('g', [{ topic, partition: 0, offset: 9n }]);
        await lost.abort();
        const kept = await producer.begin();
        await kept.send([text(topic, 'k', 'kept')]);
        await kept.commit();
        const { records } = await readAll(transport, topic);
        expect(valuesOf(records)).toEqual(['kept']);
        expect(await admin.committed('g', topic)).toEqual([null]);
      });

      test('may have no records, or nothing but offsets, again and again', async () => {
        const { transport, admin, topics } = await withTopics(1);
        const topic = topics[0]!;
        const group = `g-${topic}`;
        const producer = await initialised(transport, `id-${topic}`);
        await (await producer.begin()).commit();
        await (await producer.begin()).abort();
        for (let offset = 1n; offset <= 5n; offset++) {
          const transaction = await producer.begin();
          await transaction.sendOffsets(group, [{ topic, partition: 0, offset }]);
          await transaction.commit();
        }
        await until(async () => (await admin.committed(group, topic))[0] === 5n);
      });

      test('cannot be used after its end, nor two be open at once', async () => {
        const { transport, topics } = await withTopics(1);
        const producer = await initialised(transport, `id-${topics[0]}`);
        const transaction = await producer.begin();
        await expect(producer.begin()).rejects.toMatchObject({ code: 'TRANSACTION_OPEN' });
        await transaction.commit();
        await expect(transaction.commit()).rejects.toMatchObject({ code: 'TRANSACTION_ENDED' });
        await expect(producer.begin()).resolves.toBeDefined();
      });

      test('needs an initialised producer', async () => {
        const { transport } = await withTopics(1);
        const producer = await transport.transactionalProducer('never-initialised', 30_000);
        await expect(producer.begin()).rejects.toMatchObject({ code: 'PRODUCER_NOT_READY' });
      });

      test('holds later records back until it ends: markers and aborted records are passed', async () => {
        const { transport, admin, topics } = await withTopics(1);
        const topic = topics[0]!;
        const held = await (await initialised(transport, `a-${topic}`)).begin();
        await held.send([text(topic, 'k', 'held')]);
        const other = await (await initialised(transport, `b-${topic}`)).begin();
        await other.send([text(topic, 'k', 'other')]);
        await other.commit();
        const seen = collect(transport, topic);
        await sleep(200);
        expect((await seen).records).toEqual([]);
        expect((await seen).position).toBe(0n);
        expect(await admin.lastStable(topic)).toEqual([0n]);
        await held.abort();
        // Two records and two markers, which the coordinator may write after its answer.
        await until(async () => (await seen).position === 4n);
        expect(valuesOf((await seen).records)).toEqual(['other']);
        expect(await admin.watermarks(topic)).toEqual([{ low: 0n, high: 4n }]);
        expect(await admin.lastStable(topic)).toEqual([4n]);
      });

      test('is at the end of the log: a reader that starts on its marker reaches the high watermark', async () => {
        const { transport, admin, topics } = await withTopics(1);
        const topic = topics[0]!;
        const producer = await initialised(transport, `id-${topic}`);
        const aborted = await producer.begin();
        await aborted.send([text(topic, 'k', 'a'), text(topic, 'k', 'b')]);
        await aborted.abort();
        await until(async () => (await admin.lastStable(topic))[0] === 3n);
        expect((await readAll(transport, topic, 0, 2n)).position).toBe(3n);
        expect((await readAll(transport, topic, 0, 3n)).position).toBe(3n);
      });
    });

    describe('fencing', () => {
      test('ends the open transaction of the one before at once, and refuses its commit', async () => {
        const { transport, admin, topics } = await withTopics(1);
        const topic = topics[0]!;
        const old = await initialised(transport, `id-${topic}`);
        const zombie = await old.begin();
        await zombie.send([text(topic, 'k', 'zombie')]);
        await zombie.sendOffsets('g', [{ topic, partition: 0, offset: 7n }]);
        // At once: its timeout is longer than the test may take.
        const fresh = await initialised(open(), `id-${topic}`);
        const transaction = await fresh.begin();
        await transaction.send([text(topic, 'k', 'fresh')]);
        await transaction.commit();
        const { records } = await readAll(transport, topic);
        expect(valuesOf(records)).toEqual(['fresh']);
        await expect(zombie.commit()).rejects.toMatchObject({
          code: 'PRODUCER_FENCED',
          disposition: 'close-task',
        });
        await zombie.abort();
        expect(await admin.committed('g', topic)).toEqual([null]);
      });

      test('refuses what the one before sends', async () => {
        const { transport, topics } = await withTopics(1);
        const topic = topics[0]!;
        const old = await initialised(transport, `id-${topic}`);
        const zombie = await old.begin();
        await initialised(open(), `id-${topic}`);
        await expect(zombie.send([text(topic, 'k', 'v')])).rejects.toMatchObject({
          code: 'PRODUCER_FENCED',
        });
        const other = await (await initialised(open(), `id2-${topic}`)).begin();
        await initialised(open(), `id2-${topic}`);
        await expect(
          other.sendOffsets('g', [{ topic, partition: 0, offset: 1n }]),
        ).rejects.toMatchObject({ code: 'PRODUCER_FENCED' });
      });

      test('is not undone by a late init of the one before: it learns that it was fenced', async () => {
        const { transport, topics } = await withTopics(1);
        const topic = topics[0]!;
        const old = await initialised(transport, `id-${topic}`);
        const fresh = await initialised(open(), `id-${topic}`);
        await expect(old.init()).rejects.toMatchObject({ code: 'PRODUCER_FENCED' });
        const transaction = await fresh.begin();
        await transaction.send([text(topic, 'k', 'fresh')]);
        await transaction.commit();
        // Asked again it means it.
        await old.init();
        await (await old.begin()).commit();
        const fenced = await fresh.begin();
        await expect(fenced.send([text(topic, 'k', 'v')])).rejects.toMatchObject({
          code: 'PRODUCER_FENCED',
        });
      });

      test('by its own second init ends what a producer had open', async () => {
        const { transport, topics } = await withTopics(1);
        const topic = topics[0]!;
        const producer = await initialised(transport, `id-${topic}`);
        const left = await producer.begin();
        await left.send([text(topic, 'k', 'left')]);
        await producer.init();
        const transaction = await producer.begin();
        await transaction.send([text(topic, 'k', 'kept')]);
        await transaction.commit();
        await producer.init();
        expect(valuesOf((await readAll(transport, topic)).records)).toEqual(['kept']);
      });
    });

    describe('a consumer group', () => {
      function consumerOptions(groupId: string, topics: (string | RegExp)[]) {
        return {
          groupId,
          topics,
          sessionTimeoutMs: subject().sessionTimeoutMs,
          maxWaitMs: 50,
          concurrency: 8,
        };
      }

      interface Member {
        consumer: GroupConsumer;
        assigned: TopicPartition[][];
        members: readonly GroupMemberInfo[];
        records: LogRecord[];
        crashes: Error[];
        outOfRange: bigint[];
      }

      async function join(
        transport: Transport,
        groupId: string,
        topics: (string | RegExp)[],
        options: {
          from?: bigint;
          onRecords?: (records: readonly LogRecord[]) => Promise<void>;
          claim?: () => MemberClaim;
          takesOutOfRange?: boolean;
        } = {},
      ): Promise<Member> {
        const { claim } = options;
        const consumer = transport.groupConsumer({
          ...consumerOptions(groupId, topics),
          ...(claim === undefined ? {} : { claim }),
        });
        const member: Member = {
          consumer,
          assigned: [],
          members: [],
          records: [],
          crashes: [],
          outOfRange: [],
        };
        await consumer.run({
          ...(options.takesOutOfRange === true
            ? {
                onOutOfRange: (_: TopicPartition, offset: bigint) => member.outOfRange.push(offset),
              }
            : {}),
          onAssigned: (partitions, members) => {
            member.members = members;
            member.assigned.push([...partitions]);
            if (options.from === undefined) return;
            for (const partition of partitions) consumer.start(partition, options.from);
          },
          onRecords: async (_partition, records) => {
            member.records.push(...records);
            await options.onRecords?.(records);
          },
          onCrash: (error) => member.crashes.push(error),
        });
        return member;
      }

      const countOf = (member: Member): number => member.assigned.at(-1)?.length ?? 0;

      test('gives all partitions to its only member, paused until they are started', async () => {
        const { transport, topics } = await withTopics(3);
        const topic = topics[0]!;
        await (await transport.producer()).send(
          [0, 1, 2].map((partition) => ({ ...text(topic, null, `p${partition}`), partition })),
        );
        const member = await join(transport, `g-${topic}`, [topic]);
        await until(() => countOf(member) === 3);
        await sleep(150);
        expect(member.records).toEqual([]);
        member.consumer.start({ topic, partition: 1 }, 0n);
        await until(() => member.records.length === 1);
        expect(valuesOf(member.records)).toEqual(['p1']);
      });

      test('reads topics by pattern', async () => {
        const { transport, topics } = await withTopics(1, 1);
        const pattern = new RegExp(`^(${topics.join('|')})$`);
        const member = await join(transport, `g-${topics[0]}`, [pattern]);
        await until(() => countOf(member) === 2);
      });

      test('delivers from the offset of `start`, again after a second one, and not while paused', async () => {
        const { transport, topics } = await withTopics(1);
        const topic = topics[0]!;
        const place = { topic, partition: 0 };
        const producer = await transport.producer();
        await producer.send(['a', 'b', 'c'].map((value) => text(topic, null, value)));
        const member = await join(transport, `g-${topic}`, [topic]);
        await until(() => countOf(member) === 1);
        member.consumer.start(place, 1n);
        await until(() => member.records.length === 2);
        member.consumer.pause(place);
        await producer.send([text(topic, null, 'd')]);
        await sleep(200);
        expect(valuesOf(member.records)).toEqual(['b', 'c']);
        member.consumer.start(place, 2n);
        await until(() => member.records.length === 4);
        expect(valuesOf(member.records)).toEqual(['b', 'c', 'c', 'd']);
      });

      test('waits for a slow handler, while other partitions go on and the member stays', async () => {
        const { transport, topics } = await withTopics(2);
        const topic = topics[0]!;
        const producer = await transport.producer();
        const send = (partition: number, value: string): Promise<void> =>
          producer.send([{ ...text(topic, null, value), partition }]);
        let release: () => void = () => undefined;
        const gate = new Promise<void>((resolve) => {
          release = resolve;
        });
        let active = 0;
        const member = await join(transport, `g-${topic}`, [topic], {
          from: 0n,
          onRecords: async (records) => {
            if (records[0]!.partition !== 0) return;
            active += 1;
            expect(active).toBe(1);
            await gate;
            active -= 1;
          },
        });
        await send(0, 'slow');
        await until(() => member.records.length === 1);
        await send(0, 'later');
        for (let i = 0; i < 3; i++) {
          await send(1, `fast-${i}`);
          await until(() => member.records.length === 2 + i);
        }
        await sleep(subject().sessionTimeoutMs + 300);
        expect(member.assigned.length).toBe(1);
        release();
        await until(() => valuesOf(member.records).includes('later'));
      });

      test('deals its partitions anew when a member comes, and when it leaves', async () => {
        const { transport, topics } = await withTopics(4);
        const topic = topics[0]!;
        const first = await join(transport, `g-${topic}`, [topic]);
        await until(() => countOf(first) === 4);
        const second = await join(open(), `g-${topic}`, [topic]);
        await until(() => countOf(first) === 2 && countOf(second) === 2);
        const both = [...first.assigned.at(-1)!, ...second.assigned.at(-1)!];
        expect(both.map(({ partition }) => partition).sort()).toEqual([0, 1, 2, 3]);
        await second.consumer.close();
        await until(() => countOf(first) === 4);
      });

      test('tells each member who the others are and what they have', async () => {
        const { transport, topics } = await withTopics(3);
        const topic = topics[0]!;
        const claim = (data: string) => ({ claim: () => ({ data, warm: [] }) });
        const first = await join(transport, `g-${topic}`, [topic], claim('one'));
        await until(() => countOf(first) === 3);
        expect(first.members).toEqual([
          {
            data: 'one',
            partitions: [0, 1, 2].map((partition) => ({ topic, partition })),
            self: true,
          },
        ]);
        const second = await join(open(), `g-${topic}`, [topic], claim('two'));
        await until(() => countOf(second) > 0 && countOf(first) < 3);
        const told = ({ members }: Member) =>
          members.map(({ data, partitions }) => ({ data, partitions }));
        expect(told(second)).toEqual(told(first));
        expect(first.members.map(({ data, self }) => [data, self]).sort()).toEqual([
          ['one', true],
          ['two', false],
        ]);
        expect(first.members.find(({ self }) => self)?.partitions).toEqual(first.assigned.at(-1));
      });

      test('leaves partitions where they are, or gives them to who claims to be warm', async () => {
        const { transport, topics } = await withTopics(3);
        const topic = topics[0]!;
        const warm = { claim: () => ({ data: '', warm: [{ topic, partition: 1 }] }) };
        const first = await join(transport, `g-${topic}`, [topic]);
        await until(() => countOf(first) === 3);
        const second = await join(open(), `g-${topic}`, [topic]);
        await until(() => countOf(first) === 2 && countOf(second) === 1);
        const kept = second.assigned.at(-1);
        expect(kept).toEqual([{ topic, partition: 2 }]);
        const third = await join(open(), `g-${topic}`, [topic], warm);
        await until(() => countOf(third) === 1 && countOf(first) === 1);
        expect(second.assigned.at(-1)).toEqual(kept);
        await first.consumer.close();
        await until(() => countOf(second) + countOf(third) === 3);
        expect(second.assigned.at(-1)).toContainEqual(kept![0]);
        expect(third.assigned.at(-1)).toContainEqual({ topic, partition: 1 });
      });

      test('takes the partitions of a crashed member over after its session timeout', async () => {
        const { transport, topics } = await withTopics(2);
        const topic = topics[0]!;
        const first = await join(transport, `g-${topic}`, [topic]);
        const doomed = open();
        const second = await join(doomed, `g-${topic}`, [topic]);
        await until(() => countOf(first) === 1 && countOf(second) === 1);
        await subject().crash(doomed);
        await until(() => countOf(first) === 2);
      });

      test('gives a fresh assignment to a member that asks for one', async () => {
        const { transport, topics } = await withTopics(2);
        const topic = topics[0]!;
        const member = await join(transport, `g-${topic}`, [topic]);
        await until(() => countOf(member) === 2);
        const before = member.assigned.length;
        await member.consumer.rejoin();
        await until(() => member.assigned.length > before && countOf(member) === 2);
      });

      test('commits offsets outside transactions for its members only', async () => {
        const { transport, admin, topics } = await withTopics(2);
        const topic = topics[0]!;
        const group = `g-${topic}`;
        const member = await join(transport, group, [topic]);
        await until(() => countOf(member) === 2);
        await member.consumer.commit([{ topic, partition: 1, offset: 12n }]);
        expect(await admin.committed(group, topic)).toEqual([null, 12n]);
        await expect(admin.resetOffsets(group, topic, new Map([[1, 3n]]))).rejects.toMatchObject({
          code: 'GROUP_NOT_EMPTY',
        });
        await member.consumer.close();
        await admin.resetOffsets(group, topic, new Map([[1, 3n]]));
        expect(await admin.committed(group, topic)).toEqual([null, 3n]);
      });

      test('skips what was aborted, and says when an offset is out of range', async () => {
        const { transport, admin, topics } = await withTopics(1);
        const topic = topics[0]!;
        const producer = await initialised(transport, `id-${topic}`);
        for (const [value, keep] of [
          ['a', true],
          ['b', false],
          ['c', true],
        ] as const) {
          const transaction = await producer.begin();
          await transaction.send([text(topic, null, value)]);
          await (keep ? transaction.commit() : transaction.abort());
        }
        const member = await join(transport, `g-${topic}`, [topic], { from: 0n });
        await until(() => member.records.length === 2);
        expect(valuesOf(member.records)).toEqual(['a', 'c']);
        await admin.deleteRecords(topic, new Map([[0, 5n]]));
        member.consumer.start({ topic, partition: 0 }, 1n);
        await until(() => member.crashes.length === 1);
        expect(member.crashes[0]).toMatchObject({ code: 'OFFSET_OUT_OF_RANGE' });
      });

      test('pauses a partition whose offset is out of range where its member takes that up', async () => {
        const { transport, admin, topics } = await withTopics(2);
        const topic = topics[0]!;
        const producer = await transport.producer();
        const send = (partition: number, value: string): Promise<void> =>
          producer.send([{ ...text(topic, null, value), partition }]);
        for (const value of ['a', 'b', 'c']) await send(0, value);
        await admin.deleteRecords(topic, new Map([[0, 2n]]));
        const member = await join(transport, `g-${topic}`, [topic], { takesOutOfRange: true });
        await until(() => countOf(member) === 2);
        member.consumer.start({ topic, partition: 0 }, 1n);
        member.consumer.start({ topic, partition: 1 }, 0n);
        await until(() => member.outOfRange.length === 1);
        await send(1, 'other');
        await until(() => member.records.length === 1);
        member.consumer.start({ topic, partition: 0 }, 2n);
        await until(() => member.records.length === 2);
        expect(valuesOf(member.records)).toEqual(['other', 'c']);
        expect([member.outOfRange, member.crashes]).toEqual([[1n], []]);
      });
    });

    function consumerOptions(groupId: string, topics: string[]) {
      return { groupId, topics, sessionTimeoutMs: 6_000, maxWaitMs: 50, concurrency: 1 };
    }

    async function collect(
      transport: Transport,
      topic: string,
    ): Promise<{ records: LogRecord[]; position: bigint }> {
      const reader = transport.reader([topic], (error) => {
        throw error;
      });
      await reader.run();
      const seen = { records: [] as LogRecord[], position: 0n };
      reader.follow({ topic, partition: 0 }, 0n, {
        onRecords: (batch, position) => {
          seen.records.push(...batch);
          seen.position = position;
        },
      });
      return seen;
    }
  });
}

const ignore = {
  onAssigned: () => undefined,
  onRecords: () => Promise.resolve(),
  onCrash: () => undefined,
};

function text(topic: string, key: string | null, value: string): OutgoingRecord {
  return { topic, key, value: Buffer.from(value) };
}

function valuesOf(records: readonly LogRecord[]): string[] {
  return records.map(({ value }) => value?.toString() ?? '');
}

async function until(
  condition: () => boolean | Promise<boolean>,
  timeoutMs = 25_000,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not so after ${timeoutMs} ms: ${condition}`);
    await sleep(10);
  }
}
