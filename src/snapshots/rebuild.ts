import type { Config } from '../config.js';
import { DeltaReader } from '../consumers/delta-reader.js';
import { simdMemory } from '../online/kernels/memory.js';
import { Model } from '../online/model.js';
import { Serde } from '../serde/serde.js';
import type { LogAdmin, Transport, Watermarks } from '../transport/transport.js';
import { Catalogue } from './catalogue.js';
import type { Refusal } from './errors.js';
import { deltasAfter, loadNewest } from './loader.js';
import type { SnapshotInfo } from './manifest.js';

export interface RebuildOptions {
  /** From the newest snapshot and the deltas after it (default), or from the deltas alone. */
  readonly useSnapshots?: boolean;
  readonly signal?: AbortSignal;
  /** Told of a snapshot that was passed over. */
  readonly onRefused?: (refusal: Refusal) => void;
  /** Offsets of the delta topic that were read, and how many there are to read. */
  readonly onProgress?: (done: number, total: number) => void;
}

export interface RebuiltModel {
  readonly model: Model;
  /** The next offset, by partition of the delta topic: the last stable offsets when it began. */
  readonly deltaOffsets: readonly bigint[];
  /** What it was made from; null for the deltas alone. */
  readonly snapshot: SnapshotInfo | null;
  readonly refused: readonly Refusal[];
  /** Delta records that were applied. */
  readonly deltaRecords: number;
}

/**
 * Returns the committed model as of now, from the log alone: no service need run.
 *
 * Errors: TOPIC_MISSING, SNAPSHOT_MISMATCH (usage); MODEL_LOG_TRUNCATED, SNAPSHOT_AHEAD_OF_LOG,
 * UNDECODABLE_RECORD (fatal); those of the transport.
 */
export async function rebuildModel(
  transport: Transport,
  config: Config,
  options: RebuildOptions = {},
): Promise<RebuiltModel> {
  const admin = await transport.admin();
  try {
    return await rebuild(transport, admin, config, options);
  } finally {
    await admin.close();
  }
}

async function rebuild(
  transport: Transport,
  admin: LogAdmin,
  config: Config,
  options: RebuildOptions,
): Promise<RebuiltModel> {
  const { seed, dimension, initialScale } = config.learner;
  const memory = simdMemory(dimension) ?? undefined;
  const model = new Model({ seed, dimension, initialScale }, memory);
  const serde = new Serde();
  const refused: Refusal[] = [];
  let snapshot: SnapshotInfo | null = null;
  if (options.useSnapshots !== false) {
    const catalogue = new Catalogue({
      app: config.appId,
      topic: config.modelSnapshotsTopic,
      transport,
      admin,
      serde,
      onRefused: (refusal) => {
        refused.push(refusal);
        options.onRefused?.(refusal);
      },
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
    snapshot = await loadNewest(model, catalogue);
  }
  const topic = config.modelDeltasTopic;
  const marks = await stableMarks(admin, topic);
  const from = deltasAfter(snapshot, topic, marks, refused);
  const total = marks.reduce((sum, { high }, p) => sum + Number(high - from[p]!), 0);
  let deltaRecords = 0;
  const failed = new AbortController();
  const abort = (): void => failed.abort(options.signal?.reason);
  options.signal?.addEventListener('abort', abort, { once: true });
  const reader = transport.reader([topic], (error) => failed.abort(error));
  const deltas = new DeltaReader({
    topic,
    reader,
    apply: (record) => {
      // What came after the question is left to the next one.
      if (failed.signal.aborted || record.offset >= marks[record.partition]!.high) return;
      try {
        model.applyBytes(serde.deltas.decode(record.value).payload);
        deltaRecords += 1;
      } catch (error) {
        failed.abort(error);
      }
    },
    onProgress: () => {
      const done = deltas.positions.reduce((sum, at, p) => sum + Number(at - from[p]!), 0);
      options.onProgress?.(Math.min(done, total), total);
    },
  });
  try {
    await reader.run();
    deltas.start(from);
    await deltas.reached(marks, failed.signal);
  } finally {
    options.signal?.removeEventListener('abort', abort);
    deltas.stop();
    await reader.close();
  }
  failed.signal.throwIfAborted();
  return { model, deltaOffsets: marks.map(({ high }) => high), snapshot, refused, deltaRecords };
}

/**
 * What is decided by now: above the last stable offset a transaction is open, of a process that died
 * perhaps, and nobody can say for a minute (transaction.timeout.ms) what becomes of it.
 */
async function stableMarks(admin: LogAdmin, topic: string): Promise<Watermarks[]> {
  const [marks, stable] = await Promise.all([admin.watermarks(topic), admin.lastStable(topic)]);
  return marks.map(({ low }, partition) => ({ low, high: stable[partition] ?? low }));
}
