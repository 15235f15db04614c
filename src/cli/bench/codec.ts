import { gzipSync } from 'node:zlib';
import { mergeDeltas } from '../../online/delta.js';
import { decodeDelta, encodeDelta } from '../../online/delta-codec.js';
import { createTower } from '../../online/tower/backend.js';
import { RecordCodec } from '../../serde/record.js';
import { readSchema } from '../../serde/schemas.js';
import { Serde } from '../../serde/serde.js';
import type { BenchContext } from './benches.js';
import type { Report } from './figures.js';
import { learnWorld, MINI_BATCH } from './learning.js';
import { type Contender, takeTurns } from './measure.js';
import { WORLD, World } from './world.js';

const EVENTS = 2_000;
/** Mini-batches of one transaction of 4,000 events. */
const TRANSACTION_BATCHES = Math.floor(4_000 / MINI_BATCH);

/** Events per second and core, and what a transaction's delta costs. */
export async function benchCodec({ report }: BenchContext): Promise<void> {
  benchEvents(report);
  await benchDeltas(report);
}

function benchEvents(report: Report): void {
  const { events } = new Serde();
  const schema = readSchema('BehaviorEvent');
  const full = new RecordCodec<object>({ id: events.id, schema, lookup: () => schema });
  const world = new World({ ...WORLD, itemsPerDomain: 1_000 });
  const written = Array.from({ length: EVENTS }, (_, i) => ({
    ...world.event(1_700_000_000_000 + i),
    eventId: `event-${i}`,
    context: { device: 'phone', campaign: `campaign-${i % 7}` },
  }));
  const encoded = written.map((event) => events.encode(event));
  const seconds = takeTurns([
    times('lean', encoded, (bytes) => events.decode(bytes)),
    times('full', encoded, (bytes) => full.decode(bytes)),
    times('encode', written, (event) => events.encode(event)),
  ]);
  const perSecond = (name: string): number => 1 / seconds.get(name)!;
  report({
    name: 'codec.event.decode.lean',
    value: perSecond('lean'),
    unit: 'events/s/core',
    ratio: perSecond('lean') / perSecond('full'),
    against: 'avsc, all fields',
  });
  report({ name: 'codec.event.decode.full', value: perSecond('full'), unit: 'events/s/core' });
  report({ name: 'codec.event.encode', value: perSecond('encode'), unit: 'events/s/core' });
  const bytes = encoded.reduce((sum, { length }) => sum + length, 0) / EVENTS;
  report({ name: 'codec.event.bytes', value: bytes, unit: 'bytes/event' });
}

/** One contender that does `work` with each of the values. */
function times<T>(name: string, values: readonly T[], work: (value: T) => unknown): Contender {
  return {
    name,
    run: () => {
      for (const value of values) work(value);
      return values.length;
    },
  };
}

async function benchDeltas(report: Report): Promise<void> {
  const { tower } = await createTower('auto');
  const { deltas } = learnWorld(tower, { itemsPerDomain: 1_000, events: 20_000 });
  const lastDeltas = deltas.slice(-TRANSACTION_BATCHES);
  const delta = mergeDeltas(lastDeltas);
  const { items, blocks, events } = delta;
  const bytes = encodeDelta(delta);
  const raw =
    items.values.byteLength +
    items.accumulators.byteLength +
    items.counts.byteLength +
    blocks.reduce((sum, { values, accumulators }) => {
      return sum + values.byteLength + accumulators.byteLength;
    }, 0);
  report({
    name: 'codec.delta.bytes',
    value: bytes.length / events,
    unit: 'bytes/event',
    ratio: bytes.length / raw,
    against: 'the arrays themselves',
  });
  report({
    name: 'codec.delta.bytes.gzip',
    value: gzipSync(bytes).length / events,
    unit: 'bytes/event',
    ratio: gzipSync(bytes).length / bytes.length,
    against: 'before compression',
  });
  report({
    name: 'codec.delta.bytes.row',
    value: bytes.length / items.keys.length,
    unit: 'bytes/row',
  });
  const megabytes = bytes.length / 1e6;
  const seconds = takeTurns([
    { name: 'encode', run: () => encodeDelta(delta).length / 1e6 },
    { name: 'decode', run: () => Math.sign(decodeDelta(bytes).events) * megabytes },
    { name: 'merge', run: () => mergeDeltas(lastDeltas).events },
  ]);
  report({ name: 'codec.delta.encode', value: 1 / seconds.get('encode')!, unit: 'MB/s/core' });
  report({ name: 'codec.delta.decode', value: 1 / seconds.get('decode')!, unit: 'MB/s/core' });
  report({ name: 'codec.delta.merge', value: 1e6 * seconds.get('merge')!, unit: 'µs/event' });
}
