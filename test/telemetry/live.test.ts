import { afterEach, describe, expect, it } from 'vitest';
import { publish } from '../../src/diagnostics.js';
import { LiveFigures } from '../../src/telemetry/live.js';
import { LogHistogram } from '../../src/telemetry/log-histogram.js';
import { RateWindow } from '../../src/telemetry/window.js';

const open: LiveFigures[] = [];

afterEach(() => {
  for (const live of open.splice(0)) live.close();
});

function setUp() {
  let now = 1_000_000;
  const live = new LiveFigures('shop', () => now);
  open.push(live);
  const commit = (events: number, app = 'shop') =>
    publish('isthmus:transaction', {
      app,
      partition: 0,
      outcome: 'committed',
      events,
      seconds: 0.01,
      deltaBytes: 0,
    });
  return {
    live,
    commit,
    pass: (ms: number) => {
      now += ms;
    },
  };
}

describe('live figures', () => {
  it('have null for what was not measured yet', () => {
    const { eventsPerSecond, freshness, loss, quality, lagRecords } = setUp().live.snapshot();
    expect({ eventsPerSecond, lagRecords, loss, quality }).toEqual({
      eventsPerSecond: 0,
      lagRecords: 0,
      loss: null,
      quality: [],
    });
    expect(freshness).toEqual({ lists: 0, p50Ms: null, p99Ms: null });
  });

  it('tell the rate of the last seconds, which goes to zero when the stream rests', () => {
    const { live, commit, pass } = setUp();
    for (let i = 0; i < 100; i++) {
      commit(50);
      commit(1000, 'library');
      pass(100);
    }
    expect(live.snapshot().eventsPerSecond).toBeCloseTo(500, -2);
    expect(live.snapshot().totals.events).toBe(5000);
    pass(10_000);
    expect(live.snapshot().eventsPerSecond).toBe(0);
  });

  it('tell freshness lately and overall', () => {
    const { live, pass } = setUp();
    const fresh = (seconds: number[]) =>
      publish('isthmus:freshness', { app: 'shop', partition: 0, seconds });
    fresh(Array.from({ length: 100 }, () => 5));
    pass(20_000);
    fresh(Array.from({ length: 100 }, (_, i) => (i + 1) / 1000));
    const { freshness, freshnessOverall } = live.snapshot();
    expect(freshness.lists).toBe(100);
    expect(freshness.p50Ms).toBeGreaterThan(48);
    expect(freshness.p50Ms).toBeLessThan(52);
    expect(freshness.p99Ms).toBeGreaterThan(96);
    expect(freshness.p99Ms).toBeLessThan(102);
    expect(freshnessOverall.lists).toBe(200);
    expect(freshnessOverall.p99Ms).toBeGreaterThan(4800);
  });

  it('put quality by domain beside popularity', () => {
    const { live } = setUp();
    const sample = {
      bucket: '0' as const,
      itemBucket: '0' as const,
      candidates: 1000,
      logLoss: 0.5,
      auc: 0.5,
    };
    publish('isthmus:prequential', {
      app: 'shop',
      samples: [
        { ...sample, domain: 'films', rank: 0, popularityRank: 10 },
        { ...sample, domain: 'films', rank: 10, popularityRank: 10 },
        { ...sample, domain: 'books', rank: 2, popularityRank: 0 },
      ],
    });
    expect(live.snapshot().quality).toMatchObject([
      { domain: 'books', events: 1, hr10: 1, ndcg10: 0.5, popularityHr10: 1 },
      { domain: 'films', events: 2, hr10: 0.5, popularityHr10: 0, popularityNdcg10: 0 },
    ]);
  });

  it('add up the lag of the partitions that are still there', () => {
    const { live } = setUp();
    const lag = (partition: number, records: number) =>
      publish('isthmus:lag', { app: 'shop', topic: 't', partition, records });
    lag(0, 5);
    lag(1, 7);
    lag(0, 3);
    expect(live.snapshot().lagRecords).toBe(10);
    publish('isthmus:task', {
      app: 'shop',
      topic: 't',
      partition: 1,
      from: 'closing',
      to: 'closed',
    });
    expect(live.snapshot().lagRecords).toBe(3);
  });
});

describe('a histogram of durations', () => {
  it('gives quantiles within 2.5 % of the sorted ones', () => {
    const histogram = new LogHistogram();
    const all = Array.from({ length: 5000 }, (_, i) => 0.001 * 1.002 ** i);
    for (const seconds of all) histogram.add(seconds);
    for (const q of [0.01, 0.25, 0.5, 0.9, 0.99, 1]) {
      const exact = all[Math.ceil(q * all.length) - 1]!;
      expect(Math.abs(histogram.quantile(q) / exact - 1)).toBeLessThan(0.026);
    }
  });

  it('takes whatever comes: zero, negative, NaN, hours', () => {
    const histogram = new LogHistogram();
    for (const seconds of [0, -1, Number.NaN, 1e9]) histogram.add(seconds);
    expect(histogram.total).toBe(4);
    expect(histogram.quantile(0.5)).toBeLessThan(0.001);
    expect(histogram.quantile(1)).toBeGreaterThan(100);
    expect(new LogHistogram().quantile(0.5)).toBeNaN();
  });
});

describe('a rate', () => {
  it('is over the time since the first event as long as that is short', () => {
    const rate = new RateWindow(5);
    rate.add(100, 10_500);
    expect(rate.perSecond(10_600)).toBe(100);
    rate.add(100, 12_500);
    expect(rate.perSecond(12_500)).toBe(100);
  });
});
