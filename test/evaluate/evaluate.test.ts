import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BASELINES, baselinesNamed } from '../../src/evaluate/baselines/index.js';
import type { CurveOptions } from '../../src/evaluate/curve.js';
import { type Evaluation, evaluate } from '../../src/evaluate/evaluate.js';
import { severalSeeds } from '../../src/evaluate/seeds.js';
import { settingsWith } from '../../src/evaluate/settings.js';
import { ENCODERS } from '../../src/online/encoders/index.js';
import type { BehaviorEvent } from '../../src/online/types.js';
import { readEvents } from '../../src/producers/replay/events.js';
import { csvOf, type EventRow, eventRows } from '../cli/support/events.js';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'isthmus-evaluate-'));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

async function write(name: string, text: string): Promise<string> {
  const file = join(folder, name);
  await writeFile(file, text);
  return file;
}

function eventOf({ userId, itemId, domain }: EventRow, i: number): BehaviorEvent {
  const occurredAtMs = 1_000_000 + i * 1000;
  return { userId, itemId, domain, action: 'like', value: null, occurredAtMs, eventId: null };
}

const SMALL = ['dimension=8', 'backend=cpu', 'miniBatch=32'];

function run(
  rows: readonly EventRow[],
  options: {
    set?: string[];
    coldStart?: string[];
    prequential?: boolean;
    limit?: number;
    baselines?: string;
    curve?: CurveOptions;
  } = {},
): Promise<Evaluation> {
  return evaluate({
    config: settingsWith({}, undefined, [...SMALL, ...(options.set ?? [])]),
    events: [rows.map(eventOf)],
    prequential: options.prequential ?? true,
    coldStart: options.coldStart ?? [],
    ...(options.limit === undefined ? {} : { limit: options.limit }),
    ...(options.baselines === undefined ? {} : { baselines: baselinesNamed(options.baselines) }),
    ...(options.curve === undefined ? {} : { curve: options.curve }),
  });
}

describe('evaluate', () => {
  const rows = eventRows(300, 20);

  it('gives the same figures and digest for the same events, settings and seed', async () => {
    const [first, second] = [await run(rows), await run(rows)];
    const timeless = (result: Evaluation) => ({ ...result, seconds: 0, eventsPerSecond: 0 });
    expect(timeless(second)).toEqual(timeless(first));
    expect((await run(rows, { set: ['seed=2'] })).digest).not.toEqual(first.digest);
  });

  it('learns the same whether events are foreseen or not', async () => {
    const [scored, plain] = [await run(rows), await run(rows, { prequential: false })];
    expect(plain.digest).toEqual(scored.digest);
    expect(plain.domains).toEqual([]);
    expect(scored.domains.map(({ domain }) => domain)).toEqual(['books', 'films']);
    expect(scored.domains.reduce((sum, { events }) => sum + events, 0)).toBe(300);
  });

  it('does not care how the events come in, nor what comes after the limit', async () => {
    const whole = await run(rows.slice(0, 200));
    const config = settingsWith({}, undefined, SMALL);
    const chunks = Array.from({ length: 43 }, (_, k) =>
      rows.slice(k * 7, k * 7 + 7).map((row, i) => eventOf(row, k * 7 + i)),
    );
    const cut = await evaluate({
      config,
      events: chunks,
      limit: 200,
      prequential: true,
      coldStart: [],
    });
    expect(cut.digest).toEqual(whole.digest);
    expect(cut.events).toBe(200);
  });

  it('counts what is not learned by reason, as the service does', async () => {
    const bad = [
      { userId: '', itemId: 'i', domain: 'books' },
      { userId: 'u', itemId: 'i', domain: 'no domain' },
      { userId: 'u', itemId: 'i', domain: 'books' },
    ];
    const result = await run(bad);
    expect(result.left).toEqual({ 'bad-domain': 1, 'empty-user-id': 1 });
    expect(result.digest.trainedEvents).toBe(1);
  });

  it('reads files as produce does', async () => {
    const file = await write('rows.csv', csvOf(rows));
    const config = settingsWith({}, undefined, SMALL);
    const result = await evaluate({
      config,
      events: readEvents(file),
      prequential: false,
      coldStart: [],
    });
    expect(result.events).toBe(300);
  });
});

describe('figures', () => {
  const rows = eventRows(300, 20);

  it('of buckets and domains are parts of the total', async () => {
    const { total, domains, history, items, buckets } = await run(rows);
    const parts = (list: readonly { events: number; hr10: number }[]) => ({
      events: list.reduce((sum, { events }) => sum + events, 0),
      hits: Math.round(list.reduce((sum, { events, hr10 }) => sum + events * hr10, 0)),
    });
    const whole = parts([total!]);
    expect(whole.events).toBe(300);
    expect(whole.hits).toBeGreaterThan(0);
    for (const list of [domains, history, items, buckets]) expect(parts(list)).toEqual(whole);
    expect(history.map(({ bucket }) => bucket)).toEqual(['0', '1-4', '5-19']);
    // Mini-batches of 32: what came twice in its first one was new both times.
    expect(items[0]).toMatchObject({ bucket: '0' });
    expect(items[0]!.events).toBeGreaterThanOrEqual(new Set(rows.map((row) => row.itemId)).size);
  });

  it('of several seeds have their mean, and the deviation of a sample', async () => {
    const runs = [
      await run(rows, { set: ['seed=1'], baselines: 'deep' }),
      await run(rows, { set: ['seed=2'], baselines: 'deep' }),
    ];
    const { seeds, mean, deviation } = severalSeeds([1, 2], runs);
    const [a, b] = runs.map(({ total }) => total!.baselines!.deep!.hr10) as [number, number];
    expect(a).not.toBe(b);
    expect(seeds).toEqual([1, 2]);
    expect(mean.total!.baselines!.deep!.hr10).toBeCloseTo((a + b) / 2, 12);
    expect(deviation.total!.baselines!.deep!.hr10).toBeCloseTo(Math.abs(a - b) / Math.SQRT2, 12);
    expect(mean.domains.map(({ domain, events }) => [domain, events])).toEqual(
      runs[0]!.domains.map(({ domain, events }) => [domain, events]),
    );
  });
});

describe('the curve', () => {
  it('looks back on a window, by domain and for all', async () => {
    const rows = eventRows(320, 20);
    const { curve, total, domains } = await run(rows, {
      baselines: 'popularity',
      curve: { window: 1000, step: 64 },
    });
    const [head, ...lines] = curve!.trimEnd().split('\n');
    expect(head).toBe('events,domain,samples,hr10,ndcg10,popularity_hr10,popularity_ndcg10');
    expect(lines.map((line) => line.split(',').slice(0, 2).join(' '))).toEqual(
      [64, 128, 192, 256, 320].flatMap((at) => [`${at} *`, `${at} books`, `${at} films`]),
    );
    // The window is longer than the stream, so the last point is the whole of it.
    const last = lines.slice(-3).map((line) => line.split(',').map(Number));
    for (const [i, whole] of [total!, ...domains].entries()) {
      expect(last[i]!.slice(2)).toEqual([
        whole.events,
        ...[whole.hr10, whole.ndcg10, whole.popularityHr10, whole.popularityNdcg10].map((x) =>
          Number(x.toFixed(5)),
        ),
      ]);
    }
    const short = await run(rows, { curve: { window: 64, step: 64 } });
    const samples = short.curve!.split('\n').filter((line) => line.includes('*'));
    expect(samples.map((line) => line.split(',')[2])).toEqual(['64', '64', '64', '64', '64']);
  });
});

describe('--baselines', () => {
  it('are scored beside ours and change nothing in it, in cold-start files too', async () => {
    const rows = eventRows(300, 20);
    const file = await write('beside.csv', 'user_id,item_id,domain\nu1,films-1,films\n');
    const plain = await run(rows, { coldStart: [file] });
    const names = Object.keys(BASELINES);
    const beside = await run(rows, { coldStart: [file], baselines: names.join(',') });
    expect(beside.digest).toEqual(plain.digest);
    for (const row of [beside.total!, ...beside.domains, ...beside.coldStart!]) {
      const { baselines = {}, popularityHr10, popularityNdcg10 } = row;
      expect(Object.keys(baselines)).toEqual(names);
      expect(baselines.popularity).toEqual({ hr10: popularityHr10, ndcg10: popularityNdcg10 });
    }
    const { baselines: _, ...ours } = beside.total!;
    expect(ours).toEqual(plain.total);
    expect(plain.total).not.toHaveProperty('baselines');
  });

  it('learn where nothing is foreseen, for the cold-start files', async () => {
    const rows = eventRows(300, 20);
    const file = await write('learned.csv', 'user_id,item_id,domain\nu1,films-1,films\n');
    const options = { coldStart: [file], baselines: 'recent,item-knn' };
    const [foreseen, plain] = [
      await run(rows, options),
      await run(rows, { ...options, prequential: false }),
    ];
    expect(plain.coldStart).toEqual(foreseen.coldStart);
    expect(plain.total).toBeUndefined();
  });

  it.each([
    ['item-kn', 'knows no item-kn (did you mean item-knn?)'],
    ['deep,deep', 'has deep twice'],
    ['deep,', 'knows no empty name'],
    ['toString', 'knows no toString'],
  ])('refuses %s', (list, words) => {
    expect(() => baselinesNamed(list)).toThrow(
      expect.objectContaining({
        code: 'ARGUMENT_INVALID',
        message: expect.stringContaining(words),
      }),
    );
  });
});

describe('cold start', () => {
  it('ranks among the items of the domain without the other true ones of the user', async () => {
    // Five items of films, all as popular: a user with four true ones has one other left, so no
    // rank is below 1, ties and all.
    const films = Array.from({ length: 10 }, (_, i) => ({
      userId: `other${i}`,
      itemId: `f${i % 5}`,
      domain: 'films',
    }));
    const book = { userId: 'cold', itemId: 'b', domain: 'books' };
    const truths = ['f0', 'f1', 'f2', 'f3'].map((itemId) => `cold,${itemId},films`);
    const file = await write('four.csv', `user_id,item_id,domain\n${truths.join('\n')}\n`);
    const { coldStart } = await run([book, ...films], { coldStart: [file] });
    expect(coldStart).toHaveLength(1);
    expect(coldStart?.[0]).toMatchObject({ file: 'four.csv', domain: 'films', users: 1, items: 4 });
    expect(coldStart?.[0]?.mrr).toBeGreaterThanOrEqual(0.5);
  });

  it('counts ties against us: a user of whom nothing is known meets items that are all as popular', async () => {
    const films = Array.from({ length: 40 }, (_, i) => ({
      userId: `other${i}`,
      itemId: `f${i % 20}`,
      domain: 'films',
    }));
    const file = await write('tie.csv', 'user_id,item_id,domain\nnobody,f3,films\n');
    const { coldStart } = await run(films, { coldStart: [file] });
    expect(coldStart?.[0]).toMatchObject({ hr10: 0, ndcg10: 0, mrr: 1 / 20 });
  });

  it('does not rank items that the stream never had, and says how many they are', async () => {
    const rows = eventRows(60, 6);
    const file = await write(
      'unknown.csv',
      'user_id,item_id,domain\nu1,films-1,films\nu1,films-1000,films\n',
    );
    const { coldStart } = await run(rows, { coldStart: [file] });
    expect(coldStart?.[0]).toMatchObject({ items: 1, unknownItems: 1 });
  });

  it('refuses a file without its columns, by line and reason', async () => {
    const file = await write('wrong.csv', 'user,item\na,b\n');
    await expect(run(eventRows(5, 2), { coldStart: [file] })).rejects.toMatchObject({
      code: 'CSV_INVALID',
      message: expect.stringContaining('line 1: the header has no user_id'),
    });
  });
});

describe('a half-life far shorter than what lies between events', () => {
  it.each([...ENCODERS.keys()])('leaves what the encoder %s learns finite', async (encoder) => {
    // 500 half-lives apart: more than float32 holds, less than float64 does.
    const set = [...SMALL, `encoder=${encoder}`, 'halfLifeDays=0.02'];
    const events = eventRows(60, 6).map((row, i) => {
      return { ...eventOf(row, i), occurredAtMs: i * 10 * 86_400_000 };
    });
    const config = settingsWith({}, undefined, set);
    const { total } = await evaluate({
      config,
      events: [events],
      prequential: true,
      coldStart: [],
    });
    expect(total?.events).toBeGreaterThan(0);
    expect(Number.isFinite(total?.hr10)).toBe(true);
  });
});

describe('--set', () => {
  it('puts other values in the place of any setting, the last one first', () => {
    const config = settingsWith({ ISTHMUS_TOP_N: '5' }, undefined, [
      'replay=4',
      'replay=2',
      'miniBatch=64',
      'encoder=mean',
    ]);
    expect(config.learner).toMatchObject({ replay: 2, miniBatch: 64, encoder: 'mean' });
    expect(config.topN).toBe(5);
  });

  it.each([
    ['replai=1', 'SETTING_UNKNOWN', 'did you mean replay?'],
    ['replay=lots', 'SETTING_INVALID', 'wants a whole number'],
    ['replay', 'SETTING_INVALID', 'wants key=value'],
    ['=1', 'SETTING_INVALID', 'wants key=value'],
    ['replay=', 'SETTING_INVALID', 'wants key=value'],
  ])('refuses %s', (assignment, code, words) => {
    expect(() => settingsWith({}, undefined, [assignment])).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(words) }),
    );
  });
});
