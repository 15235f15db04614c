import { randomUUID } from 'node:crypto';
import { digestSlices } from '../online/digest.js';
import type { Model } from '../online/model.js';
import { ModelCopy, prepareCopy } from '../online/snapshot/copy.js';
import { encodeSnapshot } from '../online/snapshot/encode.js';
import type { Delta } from '../online/types.js';
import type { Serde } from '../serde/serde.js';
import { FORMAT_VERSION, type SnapshotChunkRecord, type SnapshotManifest } from '../serde/types.js';
import type { Transaction, TransactionalProducer } from '../transport/transport.js';
import { sha256 } from './catalogue.js';
import { manifestRecord, snapshotId } from './manifest.js';
import { breathe, sliced } from './slices.js';

/** Payload of a chunk; with its envelope the record stays well below the broker's 1 MiB. */
export const CHUNK_BYTES = 700_000;

/** Returns the bytes of a chunk's payload where records may have so many. */
export function chunkBytesFor(maxRecordBytes: number): number {
  return Math.min(CHUNK_BYTES, Math.floor(0.7 * maxRecordBytes));
}

/** The model that a snapshot is taken of, as it is from moment to moment. */
export interface SnapshotSource {
  readonly model: Model;
  /** Deltas in the table that are not committed. */
  pending(): readonly Delta[];
  /** The next offset to be applied, by partition of the delta topic. */
  positions(): readonly bigint[];
}

/** The committed model at one moment. */
export interface Moment {
  readonly copy: ModelCopy;
  readonly deltaOffsets: readonly bigint[];
  readonly createdAtMs: number;
  /** For how long the event loop stood still. */
  readonly pauseSeconds: number;
}

/** Copies the committed model: all at one moment, everything else in slices. */
export async function takeMoment(
  source: SnapshotSource,
  now: () => number,
  signal?: AbortSignal,
): Promise<Moment> {
  const room = await sliced(prepareCopy(source.model), signal);
  await breathe();
  const begin = performance.now();
  const copy = new ModelCopy(source.model, source.pending(), room);
  const deltaOffsets = [...source.positions()];
  const createdAtMs = now();
  const pauseSeconds = (performance.now() - begin) / 1000;
  await sliced(copy.settle(), signal);
  return { copy, deltaOffsets, createdAtMs, pauseSeconds };
}

export interface WriteOptions {
  readonly app: string;
  readonly snapshotTopic: string;
  readonly deltaTopic: string;
  readonly serde: Serde;
  /** Initialised, so that it has fenced whoever wrote before. */
  readonly producer: TransactionalProducer;
  readonly signal?: AbortSignal;
  /** CHUNK_BYTES where it is left out. */
  readonly chunkBytes?: number;
}

export interface Written {
  readonly id: string;
  readonly manifest: SnapshotManifest;
}

/**
 * Writes the snapshot in one transaction, its manifest last: either all of it can be read, or
 * nothing. Encodes, hashes and sends chunk by chunk, so that little of it is in memory at a time.
 *
 * Errors: PRODUCER_FENCED where another writer has begun; those of the transport; the signal's
 * reason. In each case nothing of the snapshot will be read (COMMIT_OUTCOME_UNKNOWN: all or nothing).
 */
export async function writeSnapshot(moment: Moment, options: WriteOptions): Promise<Written> {
  const { copy, createdAtMs } = moment;
  const { app, signal } = options;
  const id = snapshotId(createdAtMs, randomUUID().slice(0, 8));
  const digest = await sliced(digestSlices(copy), signal);
  const transaction = await options.producer.begin();
  try {
    const { hashes, bytes } = await sendChunks(copy, id, transaction, options);
    const { dimension, seed, initialScale } = copy.options;
    const manifest: SnapshotManifest = {
      trainedEvents: copy.trainedEvents,
      sha256: digest,
      dimension,
      seed,
      initialScale,
      rows: copy.live.length,
      bytes,
      chunkSha256: hashes,
      deltaOffsets: moment.deltaOffsets.map((offset, partition) => ({
        topic: options.deltaTopic,
        partition,
        offset,
      })),
      createdAtMs,
    };
    await send(manifestRecord(app, id, manifest), transaction, options);
    await transaction.commit();
    return { id, manifest };
  } catch (error) {
    // A transaction that ended with its commit cannot be aborted; the first error counts.
    await transaction.abort().catch(() => undefined);
    throw error;
  }
}

async function sendChunks(
  copy: ModelCopy,
  snapshot: string,
  transaction: Transaction,
  options: WriteOptions,
): Promise<{ hashes: string[]; bytes: number }> {
  const hashes: string[] = [];
  let bytes = 0;
  for (const payload of encodeSnapshot(copy, options.chunkBytes ?? CHUNK_BYTES)) {
    await breathe();
    options.signal?.throwIfAborted();
    if (payload === null) continue;
    const chunk = hashes.length;
    hashes.push(sha256(payload));
    bytes += payload.length;
    const { app } = options;
    const record = { formatVersion: FORMAT_VERSION, app, snapshot, chunk, payload, manifest: null };
    await send(record, transaction, options);
  }
  return { hashes, bytes };
}

async function send(
  record: SnapshotChunkRecord,
  transaction: Transaction,
  { serde, snapshotTopic }: WriteOptions,
): Promise<void> {
  await transaction.send([
    {
      topic: snapshotTopic,
      partition: 0,
      key: `${record.snapshot}/${record.chunk}`,
      value: serde.snapshots.encode(record),
    },
  ]);
}

/** The transactional id of the application's snapshots: whoever takes it fences the writer before. */
export function snapshotWriterId(app: string): string {
  return `${app}-snapshots`;
}
