import { afterEach, describe, expect, it } from 'vitest';
import { publish } from '../../src/diagnostics.js';
import { LABEL_CAPS } from '../../src/metrics/group.js';
import { createMetrics, type Metrics } from '../../src/metrics/metrics.js';
import type { PrequentialSample } from '../../src/online/types.js';
import { fakeView } from '../http/fake-view.js';

const open: Metrics[] = [];

afterEach(() => {
  for (const metrics of open.splice(0)) metrics.close();
});

function metricsOf(view = fakeView(), clock: () => number = () => 10_000): Metrics {
  const metrics = createMetrics(view, { clock, processMetrics: false });
  open.push(metrics);
  return metrics;
}

/** The value of the series, written as Prometheus has it, or undefined. */
async function value(metrics: Metrics, series: string): Promise<number | undefined> {
  const text = await metrics.registry.metrics();
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length + 1));
}

const accepted = (domain: string, action = 'view', app = 'shop') => ({
  app,
  domain,
  action,
  outcome: 'accepted' as const,
  reason: '',
  count: 1,
});

const sample = (overrides: Partial<PrequentialSample> = {}): PrequentialSample => ({
  domain: 'books',
  bucket: '0',
  itemBucket: '0',
  rank: 0,
  popularityRank: 500,
  candidates: 1000,
  logLoss: 0.5,
  auc: 1,
  ...overrides,
});

describe('the metrics of a service', () => {
  it('tell the half-life of each domain', async () => {
    const metrics = metricsOf();
    expect(await value(metrics, 'isthmus_half_life_days{domain="books"}')).toBe(0.02);
    expect(await value(metrics, 'isthmus_half_life_days{domain="films"}')).toBe(0);
    const pair = 'source="books",target="films"';
    expect(await value(metrics, `isthmus_trusted{${pair},users="new"}`)).toBe(0);
    expect(await value(metrics, `isthmus_trusted{${pair},users="known"}`)).toBe(1);
    const errors = `isthmus_trust_standard_errors{${pair},users="new"}`;
    expect(await value(metrics, errors)).toBe(-3.5);
    expect(await value(metrics, `isthmus_fitted_mapping{${pair}}`)).toBe(0);
  });

  it('tell what is learned of the blend', async () => {
    const metrics = metricsOf();
    expect(await value(metrics, 'isthmus_blend_leaning_weight{domain="films"}')).toBe(0.25);
    const words = 'isthmus_blend_likeness_weight{domain="films",kind="words"}';
    expect(await value(metrics, words)).toBe(-2);
    const factor = 'isthmus_blend_weight_factor{domain="films",source=';
    expect(await value(metrics, `${factor}"",bucket="1-4",part="lift"}`)).toBe(0.5);
    expect(await value(metrics, `${factor}"books",bucket="0",part="deep"}`)).toBe(1.5);
  });

  it('tell what transfer wins, of the events looked at without it too', async () => {
    const metrics = metricsOf();
    const won = { rank: 3, apartRank: 30 };
    const lost = { rank: 30, apartRank: 3 };
    const samples = [sample(), sample(won), sample(won), sample({ ...lost, bucket: '20+' })];
    publish('isthmus:prequential', { app: 'shop', samples });
    const cold = '{domain="books",bucket="0"}';
    expect(await value(metrics, `isthmus_transfer_gain_events_total${cold}`)).toBe(2);
    expect(await value(metrics, `isthmus_transfer_gain_sum${cold}`)).toBe(2);
    expect(await value(metrics, `isthmus_transfer_gain${cold}`)).toBe(1);
    expect(await value(metrics, 'isthmus_transfer_gain{domain="books",bucket="20+"}')).toBe(-1);
  });

  it('count drifts by pair of domains', async () => {
    const metrics = metricsOf();
    expect(await value(metrics, 'isthmus_drifts_total{source="books",target="films"}')).toBe(0);
    const drift = { app: 'shop', source: 'books', target: 'films' };
    publish('isthmus:drift', drift);
    publish('isthmus:drift', drift);
    publish('isthmus:drift', { ...drift, source: 'films' });
    expect(await value(metrics, 'isthmus_drifts_total{source="books",target="films"}')).toBe(2);
    expect(await value(metrics, 'isthmus_drifts_total{source="films",target="films"}')).toBe(1);
  });

  it('count only what its own application publishes', async () => {
    const shop = metricsOf();
    const library = metricsOf(fakeView({ app: 'library' }));
    publish('isthmus:event', { ...accepted('books'), count: 3 });
    publish('isthmus:event', accepted('books', 'view', 'library'));
    const series = 'isthmus_events_total{domain="books",action="view",outcome="accepted"}';
    expect(await value(shop, series)).toBe(3);
    expect(await value(library, series)).toBe(1);
  });

  it('listen no more after they are closed', async () => {
    const metrics = metricsOf();
    metrics.close();
    publish('isthmus:event', accepted('books'));
    expect(await metrics.registry.metrics()).not.toContain('isthmus_events_total{');
  });

  it('count dead letters and refusals by reason', async () => {
    const metrics = metricsOf();
    const event = { ...accepted('', ''), count: 2 };
    publish('isthmus:event', { ...event, outcome: 'dead-letter', reason: 'UNKNOWN_SCHEMA' });
    publish('isthmus:event', { ...event, outcome: 'refused', reason: 'duplicate' });
    expect(await value(metrics, 'isthmus_dead_letters_total{reason="UNKNOWN_SCHEMA"}')).toBe(2);
    expect(await value(metrics, 'isthmus_refused_events_total{reason="duplicate"}')).toBe(2);
    expect(
      await value(
        metrics,
        'isthmus_events_total{domain="none",action="none",outcome="dead-letter"}',
      ),
    ).toBe(2);
  });

  it('do not explode when bad input names domains and actions without end', async () => {
    const metrics = metricsOf();
    publish('isthmus:event', accepted('books'));
    for (let i = 0; i < 1000; i++) {
      publish('isthmus:event', {
        ...accepted(`bad-${i}`, `act-${i}`),
        outcome: 'refused',
        reason: 'x',
      });
    }
    publish('isthmus:event', accepted('films'));
    for (let i = 0; i < 1000; i++) publish('isthmus:event', accepted(`good-${i}`, `act-${i}`));
    const text = await metrics.registry.metrics();
    const series = text.split('\n').filter((line) => line.startsWith('isthmus_events_total{'));
    const domains = new Set(series.map((line) => /domain="([^"]*)"/.exec(line)?.[1]));
    const actions = new Set(series.map((line) => /action="([^"]*)"/.exec(line)?.[1]));
    expect(domains.size).toBe(LABEL_CAPS.domains + 1);
    expect(actions.size).toBe(LABEL_CAPS.actions + 1);
    expect([...domains]).toEqual(expect.arrayContaining(['books', 'films', 'other']));
    const total = series.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
    expect(total).toBe(2002);
  });

  it('give test-then-train sums, whose ratio is the mean, beside popularity', async () => {
    const metrics = metricsOf();
    publish('isthmus:prequential', {
      app: 'shop',
      samples: [
        sample({ rank: 0, popularityRank: 9 }),
        sample({ rank: 10, popularityRank: 0, auc: 0.5 }),
        sample({ rank: 2, popularityRank: 10, bucket: '20+' }),
        sample({ logLoss: Number.NaN }),
      ],
    });
    const at = '{domain="books",bucket="0"}';
    expect(await value(metrics, `isthmus_prequential_events_total${at}`)).toBe(2);
    expect(await value(metrics, `isthmus_prequential_hr10_sum_total${at}`)).toBe(1);
    expect(await value(metrics, `isthmus_prequential_popularity_hr10_sum_total${at}`)).toBe(2);
    expect(await value(metrics, `isthmus_prequential_ndcg10_sum_total${at}`)).toBe(1);
    expect(await value(metrics, `isthmus_prequential_logloss_sum_total${at}`)).toBe(1);
    expect(await value(metrics, `isthmus_prequential_auc_sum_total${at}`)).toBe(1.5);
    expect(
      await value(metrics, 'isthmus_prequential_ndcg10{domain="books",bucket="20+"}'),
    ).toBeCloseTo(0.5);
    // A second scrape adds nothing.
    expect(await value(metrics, `isthmus_prequential_events_total${at}`)).toBe(2);
  });

  it('let the quality gauges forget what is long past', async () => {
    const metrics = metricsOf();
    const many = (rank: number) => ({
      app: 'shop',
      samples: Array.from({ length: 10_000 }, () => sample({ rank })),
    });
    publish('isthmus:prequential', many(500));
    publish('isthmus:prequential', many(0));
    const hr10 = await value(metrics, 'isthmus_prequential_hr10{domain="books",bucket="0"}');
    expect(hr10).toBeGreaterThan(0.99);
  });

  it('have gate weights that sum to one over the sources of a target', async () => {
    const metrics = metricsOf();
    const list = (books: number) => ({
      domain: 'films',
      transfer: [
        { fromDomain: 'books', weight: books },
        { fromDomain: 'films', weight: 1 - books },
      ],
    });
    publish('isthmus:recommend', {
      app: 'shop',
      partition: 0,
      users: 2,
      lists: 3,
      seconds: 0.01,
      transfers: [list(0.75), list(0.25), { domain: 'films', transfer: [] }],
    });
    const weight = (source: string) =>
      value(metrics, `isthmus_gate_weight{source="${source}",target="films"}`);
    expect(((await weight('books')) ?? 0) + ((await weight('films')) ?? 0)).toBeCloseTo(1);
    expect(await value(metrics, 'isthmus_gate_lists_total{target="films"}')).toBe(2);
    expect(
      await value(metrics, 'isthmus_gate_weight_sum_total{source="books",target="films"}'),
    ).toBe(1);
    expect(await value(metrics, 'isthmus_transfer_norm{source="books",target="films"}')).toBe(0.5);
  });

  it('measure durations, loss and freshness', async () => {
    const metrics = metricsOf();
    const app = 'shop';
    publish('isthmus:decode', { app, partition: 0, records: 10, seconds: 0.002 });
    publish('isthmus:learn', {
      app,
      partition: 0,
      events: 10,
      examples: 20,
      seconds: 0.01,
      loss: 0.5,
    });
    publish('isthmus:encode', { app, partition: 0, records: 5, bytes: 500, seconds: 0.001 });
    publish('isthmus:freshness', { app, partition: 0, seconds: [0.02, 0.2, -0.001] });
    for (const step of ['decode', 'learn', 'encode']) {
      const series = `isthmus_batch_duration_seconds_count{step="${step}"}`;
      expect(await value(metrics, series)).toBe(1);
    }
    expect(await value(metrics, 'isthmus_loss')).toBeCloseTo(0.5);
    expect(await value(metrics, 'isthmus_loss_sum_total')).toBe(10);
    expect(await value(metrics, 'isthmus_encoded_bytes_total')).toBe(500);
    expect(await value(metrics, 'isthmus_freshness_seconds_count')).toBe(3);
    expect(await value(metrics, 'isthmus_freshness_seconds_bucket{le="0.025"}')).toBe(2);
  });

  it('count transactions, and a commit duration for the committed alone', async () => {
    const metrics = metricsOf();
    const end = { app: 'shop', partition: 0, events: 10, seconds: 0.02, deltaBytes: 100 };
    publish('isthmus:transaction', { ...end, outcome: 'committed' });
    publish('isthmus:transaction', { ...end, outcome: 'aborted' });
    expect(await value(metrics, 'isthmus_transactions_total{outcome="committed"}')).toBe(1);
    expect(await value(metrics, 'isthmus_transactions_total{outcome="aborted"}')).toBe(1);
    expect(await value(metrics, 'isthmus_transactions_total{outcome="fenced"}')).toBe(0);
    expect(await value(metrics, 'isthmus_delta_log_bytes_total')).toBe(100);
    expect(await value(metrics, 'isthmus_batch_duration_seconds_count{step="commit"}')).toBe(1);
  });

  it('tell foreign deltas from own ones read back', async () => {
    const metrics = metricsOf();
    const delta = { app: 'shop', partition: 1, bytes: 50, seconds: 0.001, timestampMs: 8000 };
    publish('isthmus:delta', { ...delta, own: true });
    publish('isthmus:delta', { ...delta, own: false });
    expect(await value(metrics, 'isthmus_delta_records_total{origin="foreign"}')).toBe(1);
    expect(await value(metrics, 'isthmus_delta_records_total{origin="own"}')).toBe(1);
    expect(await value(metrics, 'isthmus_delta_age_seconds{partition="1"}')).toBe(2);
  });

  it('follow a restore from its start to its end', async () => {
    const metrics = metricsOf();
    const at = (position: bigint, done: boolean) =>
      publish('isthmus:restore', {
        app: 'shop',
        partition: 0,
        what: 'user-state',
        position,
        end: 200n,
        seconds: 1,
        done,
      });
    const ratio = 'isthmus_restore_progress_ratio{what="user-state",partition="0"}';
    const remaining = 'isthmus_restore_remaining_records{what="user-state",partition="0"}';
    at(100n, false);
    expect(await value(metrics, ratio)).toBe(0);
    at(150n, false);
    expect(await value(metrics, ratio)).toBe(0.5);
    expect(await value(metrics, remaining)).toBe(50);
    at(200n, true);
    expect(await value(metrics, ratio)).toBe(1);
    expect(await value(metrics, remaining)).toBe(0);
    expect(await value(metrics, 'isthmus_restore_duration_seconds_count{what="user-state"}')).toBe(
      1,
    );
  });

  it('forget the lag of a partition that is gone', async () => {
    const metrics = metricsOf();
    const place = { app: 'shop', topic: 't', partition: 0 };
    publish('isthmus:lag', { ...place, records: 5 });
    expect(await value(metrics, 'isthmus_lag_records{topic="t",partition="0"}')).toBe(5);
    publish('isthmus:task', { ...place, from: 'closing', to: 'closed' });
    expect(await value(metrics, 'isthmus_lag_records{topic="t",partition="0"}')).toBeUndefined();
  });

  it('read the model, the tasks and readiness from the view at each scrape', async () => {
    let ready = false;
    const metrics = metricsOf(
      fakeView({ readiness: () => ({ ok: ready, reason: ready ? '' : 'restoring' }) }),
    );
    expect(await value(metrics, 'isthmus_ready')).toBe(0);
    ready = true;
    expect(await value(metrics, 'isthmus_ready')).toBe(1);
    expect(await value(metrics, 'isthmus_tasks{state="running"}')).toBe(1);
    expect(await value(metrics, 'isthmus_tasks{state="restoring"}')).toBe(0);
    expect(await value(metrics, 'isthmus_model_trained_events')).toBe(1234);
    expect(await value(metrics, 'isthmus_model_delta_offset{partition="1"}')).toBe(20);
    expect(await value(metrics, 'isthmus_items{domain="books"}')).toBe(100);
    expect(await value(metrics, 'isthmus_items{domain="books"}')).toBe(100);
    expect(await value(metrics, 'isthmus_users')).toBe(7);
    expect(await value(metrics, 'isthmus_table_bytes{table="items"}')).toBe(4096);
    expect(await value(metrics, 'isthmus_backend_info{backend="wasm",version="1.2.3"}')).toBe(1);
  });

  it('include those of the process and the event loop', async () => {
    const metrics = createMetrics(fakeView());
    open.push(metrics);
    const text = await metrics.registry.metrics();
    expect(text).toContain('nodejs_eventloop_lag_seconds');
    expect(text).toContain('process_resident_memory_bytes');
  });

  it('say how far behind the deltas of others a replica is, in records and in seconds', async () => {
    const metrics = metricsOf(fakeView(), () => 10_000);
    const step = { app: 'shop', partition: 1 };
    const records = 'isthmus_delta_lag_records{partition="1"}';
    const seconds = 'isthmus_delta_lag_seconds{partition="1"}';
    publish('isthmus:delta-lag', { ...step, records: 4, timestampMs: 7_000 });
    expect([await value(metrics, records), await value(metrics, seconds)]).toEqual([4, 3]);
    publish('isthmus:delta-lag', { ...step, records: 2, timestampMs: null });
    expect([await value(metrics, records), await value(metrics, seconds)]).toEqual([2, 3]);
    publish('isthmus:delta-lag', { ...step, records: 0, timestampMs: 9_000 });
    expect([await value(metrics, records), await value(metrics, seconds)]).toEqual([0, 0]);
  });
});
