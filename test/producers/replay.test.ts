import { describe, expect, it } from 'vitest';
import type { BehaviorEvent } from '../../src/online/types.js';
import { type ReplayOptions, replay } from '../../src/producers/replay/replay.js';
import { sendTraced } from '../../src/producers/replay/traced.js';
import { Serde } from '../../src/serde/serde.js';
import type { LogProducer, OutgoingRecord } from '../../src/transport/transport.js';

const serde = new Serde();

function events(count: number): BehaviorEvent[] {
  return Array.from({ length: count }, (_, i) => ({
    userId: `u${i % 3}`,
    itemId: `i${i}`,
    domain: 'd',
    action: 'view',
    value: null,
    occurredAtMs: i,
    eventId: null,
  }));
}

/** A log that counts how many sends are under way. */
class FakeProducer implements LogProducer {
  readonly records: OutgoingRecord[] = [];
  readonly sizes: number[] = [];
  most = 0;
  #underway = 0;
  failAt = Number.POSITIVE_INFINITY;

  async send(records: readonly OutgoingRecord[]): Promise<void> {
    this.most = Math.max(this.most, ++this.#underway);
    await new Promise((resolve) => setImmediate(resolve));
    this.#underway--;
    if (this.sizes.length >= this.failAt) throw new Error('the log is gone');
    this.sizes.push(records.length);
    this.records.push(...records);
  }

  async close(): Promise<void> {}
}

async function run(
  count: number,
  options: Partial<ReplayOptions> = {},
  producer = new FakeProducer(),
) {
  const all = events(count);
  const batches = [all.slice(0, 700), all.slice(700)];
  const encode = (event: BehaviorEvent) => serde.events.encode(event);
  const result = await replay(batches, producer, { topic: 't', encode, ...options });
  return {
    result,
    producer,
    items: producer.records.map((r) => serde.events.decode(r.value).itemId),
  };
}

const items = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => `i${from + i}`);

describe('a replay', () => {
  it('sends all events in order, keyed by user, one send at a time', async () => {
    const { result, producer, items: sent } = await run(5000);
    expect(sent).toEqual(items(0, 5000));
    expect(producer.records.slice(0, 4).map(({ key }) => key)).toEqual(['u0', 'u1', 'u2', 'u0']);
    expect(producer.most).toBe(1);
    expect(producer.sizes).toEqual([2000, 2000, 1000]);
    expect(result).toMatchObject({ sent: 5000, complete: true });
  });

  const cuts: [options: Partial<ReplayOptions>, from: number, to: number][] = [
    [{ skip: 10 }, 10, 1000],
    [{ limit: 10 }, 0, 10],
    [{ skip: 695, limit: 10 }, 695, 705],
    [{ skip: 2000 }, 0, 0],
    [{ limit: 0 }, 0, 0],
  ];
  for (const [options, from, to] of cuts) {
    it(`with ${JSON.stringify(options)} sends events ${from} to ${to}`, async () => {
      const { result, items: sent } = await run(1000, options);
      expect(sent).toEqual(items(from, to));
      expect(result.sent).toBe(to - from);
    });
  }

  it('with a rate takes its time', async () => {
    let nowMs = 0;
    const { result, producer } = await run(1000, {
      rate: 500,
      now: () => nowMs,
      sleep: async (ms) => {
        nowMs += ms;
      },
    });
    expect(Math.max(...producer.sizes)).toBe(5);
    expect(result.seconds).toBeCloseTo(2, 1);
  });

  it('tells how far it is after each acknowledgement', async () => {
    const seen: number[] = [];
    await run(5000, { onProgress: ({ sent }) => seen.push(sent) });
    expect(seen).toEqual([2000, 4000, 5000]);
  });

  it('stops at a signal after what is under way', async () => {
    const stop = new AbortController();
    const { result } = await run(5000, { signal: stop.signal, onProgress: () => stop.abort() });
    expect(result).toMatchObject({ sent: 2000, complete: false });
  });

  it('stops at once while it waits for its rate', async () => {
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 20);
    // Not stopped it would wait for ten seconds a record, and be longer than the test may take.
    const { result } = await run(1000, { rate: 0.1, signal: stop.signal });
    expect(result.complete).toBe(false);
  });

  it('fails where the log fails', async () => {
    const producer = new FakeProducer();
    producer.failAt = 1;
    await expect(run(9000, {}, producer)).rejects.toThrow('the log is gone');
    expect(producer.records).toHaveLength(2000);
  });

  it('sends events under spans, which their headers name where they are sampled', async () => {
    const sizes: number[] = [];
    const ended: unknown[] = [];
    const trace = (records: number) => {
      const name = sizes.push(records) === 1 ? '00-a-b-01' : undefined;
      return { traceparent: () => name, end: (error?: unknown) => ended.push(error) };
    };
    const { producer } = await run(2500, { trace });
    expect(sizes).toEqual([2000, 500]);
    expect(ended).toEqual([undefined, undefined]);
    expect(producer.records[1999]?.headers).toEqual({ traceparent: '00-a-b-01' });
    expect(producer.records[2000]?.headers).toBeUndefined();
  });

  it('ends a span with the error of its records', async () => {
    const ended: unknown[] = [];
    const trace = () => ({
      traceparent: () => undefined,
      end: (error?: unknown) => ended.push(error),
    });
    const broken = new Error('gone');
    const producer = { send: () => Promise.reject(broken), close: () => Promise.resolve() };
    await expect(sendTraced(producer, [], trace)).rejects.toBe(broken);
    expect(ended).toEqual([broken]);
  });
});
