import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type DeadLetter, readLetters } from '../../src/dlq/letters.js';
import { replayLetters } from '../../src/dlq/replay.js';
import { deadLetterOf, recordBytes } from '../../src/producers/dead-letter.js';
import { type Fault, MemoryLog, MemoryTransport } from '../../src/transport/memory/index.js';
import type { LogRecord } from '../../src/transport/transport.js';
import { readAll, until } from '../support/service.js';

const topic = 'clicks.dlq';

function origin(offset: number, overrides: Partial<LogRecord> = {}): LogRecord {
  return {
    topic: 'clicks',
    partition: offset % 2,
    offset: BigInt(offset),
    timestampMs: 1_700_000_000_000 + offset,
    key: Buffer.from(`u${offset}`),
    value: Buffer.from(`raw ${offset}`),
    headers: { shop: Buffer.from('nord') },
    ...overrides,
  };
}

describe('dead letters', () => {
  let log: MemoryLog;
  let transport: MemoryTransport;

  beforeEach(async () => {
    log = new MemoryLog();
    transport = new MemoryTransport(log);
    log.createTopic({ topic: 'clicks', partitions: 2 });
    log.createTopic({ topic, partitions: 1 });
    const producer = await transport.producer();
    await producer.send(
      [0, 1, 2, 3].map((i) => {
        const reason = i < 2 ? 'truncated' : 'poison';
        return deadLetterOf(topic, origin(i), { reason, detail: `number ${i}` }, 10_000);
      }),
    );
  });

  afterEach(() => transport.close());

  const replay = (
    options: { select?: (letter: DeadLetter) => boolean; force?: boolean; dryRun?: boolean } = {},
    over = transport,
  ) =>
    replayLetters(over, {
      appId: 'app',
      topic,
      transactionTimeoutMs: 60_000,
      select: () => true,
      force: false,
      dryRun: false,
      ...options,
    });

  async function sentBack(): Promise<string[]> {
    return (await readAll(transport, 'clicks')).map(({ value }) => String(value)).sort();
  }

  it('are listed with their reason, and the record as it was and where', async () => {
    const letters = await readLetters(transport, topic);
    expect(letters.map(({ id, reason }) => [id, reason])).toEqual([
      ['0:0', 'truncated'],
      ['0:1', 'truncated'],
      ['0:2', 'poison'],
      ['0:3', 'poison'],
    ]);
    expect(letters[3]).toMatchObject({
      detail: 'number 3',
      origin: { topic: 'clicks', partition: 1, offset: 3n, timestampMs: 1_700_000_000_003 },
      key: Buffer.from('u3'),
      value: Buffer.from('raw 3'),
      headers: { shop: Buffer.from('nord') },
      truncatedBytes: null,
      replays: [],
    });
  });

  it('go back to the partition that they came from, as they came, without our headers', async () => {
    const result = await replay({ select: ({ id }) => id === '0:3' });
    expect(result).toEqual({ replayed: ['0:3'], before: [], impossible: [] });
    const [record] = await readAll(transport, 'clicks');
    expect(record).toMatchObject({
      partition: 1,
      key: Buffer.from('u3'),
      value: Buffer.from('raw 3'),
    });
    expect(record!.headers).toEqual({ shop: Buffer.from('nord') });
  });

  it('go back once, however they are selected, unless they are forced to', async () => {
    await replay({ select: ({ reason }) => reason === 'poison' });
    const second = await replay();
    expect(second.replayed).toEqual(['0:0', '0:1']);
    expect(second.before).toEqual(['0:2', '0:3']);
    expect((await replay()).replayed).toEqual([]);
    expect(await sentBack()).toEqual(['raw 0', 'raw 1', 'raw 2', 'raw 3']);
    await replay({ select: ({ id }) => id === '0:1', force: true });
    expect(await sentBack()).toEqual(['raw 0', 'raw 1', 'raw 1', 'raw 2', 'raw 3']);
    const replays = (await readLetters(transport, topic)).map((letter) => letter.replays.length);
    expect(replays).toEqual([1, 2, 1, 1]);
  });

  it('are not touched by a dry run', async () => {
    expect((await replay({ dryRun: true })).replayed).toHaveLength(4);
    expect(await sentBack()).toEqual([]);
    expect((await replay()).replayed).toHaveLength(4);
  });

  it.each(['init:after', 'send:before', 'send:after', 'commit:before', 'commit:after'] as const)(
    'go back once where the answer at %s is lost',
    async (point) => {
      let broken = false;
      const fault: Fault = (at) => {
        if (broken || at !== point) return;
        broken = true;
        throw new Error('no answer');
      };
      const unsure = new MemoryTransport(log, { fault });
      const result = await replay({}, unsure);
      expect([...result.replayed].sort()).toEqual(['0:0', '0:1', '0:2', '0:3']);
      expect(await sentBack()).toEqual(['raw 0', 'raw 1', 'raw 2', 'raw 3']);
      await unsure.close();
    },
  );

  it.each(['send:after', 'commit:before', 'commit:after'] as const)(
    'go back once where the run dies at %s and another one follows',
    async (point) => {
      let died = false;
      const doomed: MemoryTransport = new MemoryTransport(log, {
        fault: (at) => {
          if (at !== point) return;
          doomed.process.kill();
          died = true;
        },
      });
      void replay({ force: true }, doomed);
      await until(() => died, 'the first run has died');
      await replay();
      expect(await sentBack()).toEqual(['raw 0', 'raw 1', 'raw 2', 'raw 3']);
    },
  );

  it('that cannot go back are named with the reason, and the others go', async () => {
    const producer = await transport.producer();
    const cause = { reason: 'poison', detail: '' };
    const large = origin(4, { value: Buffer.alloc(5_000) });
    await producer.send([
      deadLetterOf(topic, large, cause, 4_096),
      deadLetterOf(topic, origin(5, { topic: 'gone' }), cause, 4_096),
      { topic, key: null, value: Buffer.from('not ours') },
    ]);
    const { replayed, impossible } = await replay();
    expect(replayed).toHaveLength(4);
    expect(impossible.map(({ id, why }) => `${id} ${why}`)).toEqual([
      '0:4 its 5000 bytes did not fit and are not all here',
      '0:5 topic gone does not exist',
      '0:6 its headers do not say where it came from',
    ]);
  });

  it('are cut where they would not fit, whatever their headers are', () => {
    for (const bytes of [3_000, 4_000, 5_000, 100_000]) {
      const record = origin(1, { value: Buffer.alloc(bytes, 1) });
      const letter = deadLetterOf(topic, record, { reason: 'r', detail: 'd'.repeat(1e6) }, 4_096);
      expect(recordBytes(letter)).toBeLessThanOrEqual(4_096);
    }
  });

  it('name the origin of what was copied, not of the copy', () => {
    const headers = {
      'isthmus.origin.topic': Buffer.from('clicks'),
      'isthmus.origin.partition': Buffer.from('7'),
      'isthmus.origin.offset': Buffer.from('70'),
      shop: Buffer.from('nord'),
    };
    const copy = origin(3, { topic: 'app.repartition', headers });
    expect(deadLetterOf(topic, copy, { reason: 'r', detail: '' }, 1e6).headers).toMatchObject({
      shop: Buffer.from('nord'),
      'isthmus.topic': 'clicks',
      'isthmus.partition': '7',
      'isthmus.offset': '70',
    });
  });
});
