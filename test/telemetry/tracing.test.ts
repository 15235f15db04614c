import { afterEach, describe, expect, it, vi } from 'vitest';
import { parseTraceparent } from '../../src/telemetry/traceparent.js';
import { noTracing, startTracing } from '../../src/telemetry/tracing.js';
import { type OtlpCollector, startCollector } from '../support/otlp.js';

const closers: (() => Promise<unknown>)[] = [];

async function receiver(): Promise<OtlpCollector> {
  const collector = await startCollector();
  closers.push(() => collector.close());
  return collector;
}

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const record = (traceparent?: string) => ({
  headers: traceparent === undefined ? {} : { traceparent: Buffer.from(traceparent) },
});

const A = { traceId: '4bf92f3577b34da6a3ce929d0e0e4736', spanId: '00f067aa0ba902b7' };
const B = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' };
const sampled = (of: typeof A) => `00-${of.traceId}-${of.spanId}-01`;

describe('tracing', () => {
  it('sends the spans of a batch over OTLP, steps below the batch, the batch linked to the events', async () => {
    const collector = await receiver();
    const tracing = await startTracing({
      serviceName: 'shop',
      env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint },
    });
    expect(tracing.enabled).toBe(true);
    const batch = tracing.batch(
      [record(sampled(A)), record(), record(sampled(A)), record(sampled(B)), record('nonsense')],
      { 'messaging.kafka.partition': 3 },
    );
    batch.span('learn', { events: 5 }).end();
    batch.span('recommend').end();
    batch.span('commit').end(new Error('fenced'));
    const passedOn = batch.traceparent();
    batch.end();
    await tracing.close();

    const byName = new Map(collector.spans.map((span) => [span.name, span]));
    expect([...byName.keys()].sort()).toEqual(['commit', 'consume', 'learn', 'recommend']);
    const root = byName.get('consume')!;
    expect(root.parentSpanId ?? '').toBe('');
    expect(root.kind).toBe(5);
    expect(root.links?.map(({ traceId, spanId }) => ({ traceId, spanId }))).toEqual([A, B]);
    expect(root.attributes).toContainEqual({
      key: 'messaging.kafka.partition',
      value: { intValue: 3 },
    });
    for (const name of ['learn', 'recommend', 'commit']) {
      expect(byName.get(name)?.parentSpanId).toBe(root.spanId);
      expect(byName.get(name)?.traceId).toBe(root.traceId);
    }
    expect(byName.get('commit')?.status).toEqual({ code: 2, message: 'fenced' });
    expect(passedOn).toBe(`00-${root.traceId}-${root.spanId}-01`);
    expect(new Set(collector.services)).toEqual(new Set(['shop']));
    expect(new Set(collector.paths)).toEqual(new Set(['POST /v1/traces application/json']));
  });

  it('begins a trace for what is sent together, and says where it failed', async () => {
    const collector = await receiver();
    const tracing = await startTracing({
      serviceName: 'shop-produce',
      env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint },
    });
    const first = tracing.send('events', 3);
    const second = tracing.send('events', 1);
    first.end();
    second.end(new Error('no leader'));
    await tracing.close();
    const named = (span: { traceparent(): string | undefined }) =>
      collector.spans.find(
        ({ traceId, spanId }) => span.traceparent() === `00-${traceId}-${spanId}-01`,
      );
    expect(named(first)).toMatchObject({
      name: 'send',
      kind: 4,
      attributes: [
        { key: 'messaging.destination.name', value: { stringValue: 'events' } },
        { key: 'messaging.batch.message_count', value: { intValue: 3 } },
      ],
    });
    expect(named(second)?.status).toEqual({ code: 2, message: 'no leader' });
    expect(named(second)?.traceId).not.toBe(named(first)?.traceId);
  });

  it('does nothing without an endpoint, and where it is switched off', async () => {
    const OTEL_EXPORTER_OTLP_ENDPOINT = 'http://127.0.0.1:1';
    for (const env of [
      {},
      { OTEL_EXPORTER_OTLP_ENDPOINT: '' },
      { OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_SDK_DISABLED: 'true' },
      { OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_TRACES_EXPORTER: 'none' },
    ]) {
      expect(await startTracing({ serviceName: 'shop', env })).toBe(noTracing);
    }
    const batch = noTracing.batch([record(sampled(A))]);
    batch.span('learn').end();
    expect(batch.traceparent()).toBeUndefined();
    batch.end();
  });

  it('sends and passes on nothing of a batch that the sampler leaves out', async () => {
    vi.stubEnv('OTEL_TRACES_SAMPLER', 'always_off');
    closers.push(async () => vi.unstubAllEnvs());
    const collector = await receiver();
    const tracing = await startTracing({
      serviceName: 'shop',
      env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint },
    });
    const batch = tracing.batch([record(sampled(A))]);
    batch.span('learn').end();
    expect(batch.traceparent()).toBeUndefined();
    batch.end();
    const send = tracing.send('events', 1);
    expect(send.traceparent()).toBeUndefined();
    send.end();
    await tracing.close();
    expect(collector.spans).toEqual([]);
  });

  it('closes although nobody receives', async () => {
    const tracing = await startTracing({
      serviceName: 'shop',
      env: { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1' },
      closeWithinMs: 100,
    });
    tracing.batch([]).end();
    await tracing.close();
    await tracing.close();
  }, 1000);
});

describe('traceparent', () => {
  const ids = `${A.traceId}-${A.spanId}`;
  for (const [header, valid] of [
    [`00-${ids}-01`, true],
    [`00-${ids}-00`, true],
    [` 00-${ids}-01 `, true],
    [`01-${ids}-01-of-a-later-version`, true],
    [`00-${ids}-01-more`, false],
    [`ff-${ids}-01`, false],
    [`00-${'0'.repeat(32)}-${A.spanId}-01`, false],
    [`00-${A.traceId}-${'0'.repeat(16)}-01`, false],
    [`00-${ids.toUpperCase()}-01`, false],
    ['', false],
    ['00', false],
  ] as const) {
    it(`is ${valid ? '' : 'not '}what "${header}" is`, () => {
      const parsed = parseTraceparent(header);
      if (valid) expect(parsed).toMatchObject(A);
      else expect(parsed).toBeUndefined();
    });
  }
});
