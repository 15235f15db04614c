import { monitorEventLoopDelay } from 'node:perf_hooks';
import { type Config, loadConfig } from '../../config.js';
import { encodeDelta, splitDelta } from '../../online/delta-codec.js';
import { simdMemory } from '../../online/kernels/memory.js';
import { Model } from '../../online/model.js';
import { Random } from '../../online/random.js';
import type { Delta } from '../../online/types.js';
import { outputTopics, RecordMaker } from '../../producers/records.js';
import { Serde } from '../../serde/serde.js';
import { rebuildModel } from '../../snapshots/rebuild.js';
import { snapshotWriterId, takeMoment, writeSnapshot } from '../../snapshots/writer.js';
import { applicationTopics } from '../../topics.js';
import { MemoryLog, MemoryTransport } from '../../transport/memory/index.js';
import type { Transport } from '../../transport/transport.js';
import type { BenchContext } from './benches.js';
import { median, secondsOf } from './measure.js';
import { benchRestoreUsers } from './restore-users.js';

const ROWS = 1_000_000;
const ROWS_PER_DELTA = 4_000;
const ROUNDS = 3;
const RECORD_BYTES = 700_000;

/**
 * A model of 1,000,000 rows of 32: what writing a snapshot of it costs the stream, and how long a
 * start takes from the snapshot and from the deltas alone. On a log in memory, so that it is our work
 * that is measured, by the clock. Then the users, out of their changelog.
 */
export async function benchRestore({ report, signal }: BenchContext): Promise<void> {
  const config = loadConfig({ ISTHMUS_TRANSPORT: 'memory' });
  const transport = new MemoryTransport(new MemoryLog());
  const admin = await transport.admin();
  await admin.createTopics(applicationTopics(config, 1));
  await admin.close();
  try {
    const { pauseMs, longestMs, seconds, bytes } = await prepare(transport, config, signal);
    report({ name: 'restore.snapshot.pause', value: pauseMs, unit: 'ms' });
    report({ name: 'restore.snapshot.longest-slice', value: longestMs, unit: 'ms' });
    report({ name: 'restore.snapshot.write', value: seconds, unit: 's' });
    report({ name: 'restore.snapshot.bytes', value: bytes / ROWS, unit: 'bytes/row' });
    const rebuild = (useSnapshots: boolean): Promise<number> =>
      secondsOf(() => rebuildModel(transport, config, { useSnapshots, signal }));
    const snapshot: number[] = [];
    const deltas: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      snapshot.push(await rebuild(true));
      deltas.push(await rebuild(false));
    }
    report({
      name: 'restore.from-snapshot',
      value: median(snapshot),
      unit: 's',
      ratio: median(snapshot) / median(deltas),
      against: 'from the deltas alone',
    });
    report({ name: 'restore.from-deltas', value: median(deltas), unit: 's' });
  } finally {
    await transport.close();
  }
  await benchRestoreUsers({ report, signal });
}

/** Writes the deltas, and a snapshot of what they add up to. */
async function prepare(transport: Transport, config: Config, signal: AbortSignal) {
  const { seed, dimension, initialScale } = config.learner;
  const model = new Model({ seed, dimension, initialScale }, simdMemory(dimension) ?? undefined);
  const serde = new Serde();
  const maker = new RecordMaker({
    app: config.appId,
    process: 'bench',
    topics: outputTopics(config),
    serde,
    model,
    now: Date.now,
  });
  const sending = await transport.producer();
  let at = 0;
  for (const delta of deltasOf(dimension)) {
    signal.throwIfAborted();
    model.apply(delta);
    const inputs = {
      topic: config.inputTopic,
      partition: 0,
      firstOffset: BigInt(at),
      nextOffset: BigInt(at + delta.events),
      records: delta.events,
    };
    at += delta.events;
    const parts = splitDelta(delta, RECORD_BYTES).map((part) => {
      return { delta: part, payload: encodeDelta(part) };
    });
    await sending.send(maker.deltas(inputs, at, parts));
  }
  await sending.close();

  const admin = await transport.admin();
  const marks = await admin.watermarks(config.modelDeltasTopic);
  await admin.close();
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const begin = performance.now();
  const positions = marks.map(({ high }) => high);
  const source = { model, pending: () => [], positions: () => positions };
  const moment = await takeMoment(source, Date.now, signal);
  const producer = await transport.transactionalProducer(snapshotWriterId(config.appId), 300_000);
  await producer.init();
  const { manifest } = await writeSnapshot(moment, {
    app: config.appId,
    snapshotTopic: config.modelSnapshotsTopic,
    deltaTopic: config.modelDeltasTopic,
    serde,
    producer,
    signal,
  });
  await producer.close();
  delay.disable();
  return {
    pauseMs: moment.pauseSeconds * 1000,
    longestMs: delay.max / 1e6,
    seconds: (performance.now() - begin) / 1000,
    bytes: manifest.bytes,
  };
}

function* deltasOf(dimension: number): Generator<Delta> {
  const random = Random.of('restore bench', 1);
  for (let at = 0; at < ROWS; at += ROWS_PER_DELTA) {
    const rows = Array.from({ length: ROWS_PER_DELTA }, (_, i) => at + i);
    yield {
      events: ROWS_PER_DELTA,
      items: {
        // Ids in no order, as items are met.
        keys: rows.map((i) => `${i % 3 === 0 ? 'films' : 'books'}/item-${(i * 7919) % ROWS}`),
        counts: new Int32Array(ROWS_PER_DELTA).fill(1),
        values: Int32Array.from(
          { length: ROWS_PER_DELTA * (dimension + 1) },
          () => random.below(200_000) - 100_000,
        ),
        accumulators: new Float64Array(ROWS_PER_DELTA * 2).fill(123_456),
      },
      blocks: [],
    };
  }
}
