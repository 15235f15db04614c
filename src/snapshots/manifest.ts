import { createHash } from 'node:crypto';
import type { ModelOptions } from '../online/model.js';
import { FORMAT_VERSION, type SnapshotChunkRecord, type SnapshotManifest } from '../serde/types.js';
import { SnapshotRefused, snapshotMismatch } from './errors.js';

/** A snapshot that the log tells of by its manifest. */
export interface SnapshotInfo {
  readonly id: string;
  readonly app: string;
  readonly manifest: SnapshotManifest;
  /** Where its first chunk stands in the snapshot topic. */
  readonly firstOffset: bigint;
  /** Where its manifest stands. */
  readonly manifestOffset: bigint;
}

/** A new id: the time, for people, and something that no other has. */
export function snapshotId(createdAtMs: number, unique: string): string {
  const time = new Date(createdAtMs).toISOString().replace(/[-:.]/g, '');
  return `${time}-${unique}`;
}

/** The last record of a snapshot; its payload is the manifest's own hash. */
export function manifestRecord(
  app: string,
  snapshot: string,
  manifest: SnapshotManifest,
): SnapshotChunkRecord {
  return {
    formatVersion: FORMAT_VERSION,
    app,
    snapshot,
    chunk: manifest.chunkSha256.length,
    payload: manifestHash(app, snapshot, manifest),
    manifest,
  };
}

/**
 * Returns what a manifest's record says. Errors: SnapshotRefused (newer-format, damaged-manifest).
 *
 * The chunks stand before the manifest without a gap: one transaction wrote them, and only one
 * writer at a time has one.
 */
export function snapshotInfo(record: SnapshotChunkRecord, offset: bigint): SnapshotInfo {
  const { app, snapshot: id, manifest } = record;
  if (record.formatVersion > FORMAT_VERSION) {
    throw new SnapshotRefused(
      'newer-format',
      `format version ${record.formatVersion}, known is ${FORMAT_VERSION}: a newer isthmus wrote it`,
    );
  }
  if (manifest === null || record.chunk !== manifest.chunkSha256.length) {
    throw new SnapshotRefused('damaged-manifest', 'its manifest counts other chunks');
  }
  if (!record.payload.equals(manifestHash(app, id, manifest))) {
    throw new SnapshotRefused('damaged-manifest', 'its manifest does not have the hash it should');
  }
  const firstOffset = offset - BigInt(record.chunk);
  return { id, app, manifest, firstOffset, manifestOffset: offset };
}

/** Throws SNAPSHOT_MISMATCH (usage) where the snapshot is of a model with other options. */
export function requireOptions(info: SnapshotInfo, options: ModelOptions): void {
  const { dimension, seed, initialScale } = info.manifest;
  const wanted: readonly [string, number, number][] = [
    ['ISTHMUS_LEARNER_DIMENSION', dimension, options.dimension],
    ['ISTHMUS_LEARNER_SEED', seed, options.seed],
    ['ISTHMUS_LEARNER_INITIAL_SCALE', initialScale, options.initialScale],
  ];
  const differences = wanted
    .filter(([, was, is]) => was !== is)
    .map(([name, was, is]) => `${name} was ${was} and is ${is}`);
  if (differences.length > 0) throw snapshotMismatch(info.id, differences);
}

/** Where the deltas go on, by partition of the delta topic; 0 for partitions that came later. */
export function deltaOffsetsOf(
  { manifest }: SnapshotInfo,
  topic: string,
  partitions: number,
): bigint[] {
  const offsets = Array.from({ length: partitions }, () => 0n);
  for (const place of manifest.deltaOffsets) {
    if (place.topic === topic && place.partition < partitions) {
      offsets[place.partition] = place.offset;
    }
  }
  return offsets;
}

function manifestHash(app: string, snapshot: string, manifest: SnapshotManifest): Buffer {
  const { trainedEvents, sha256, dimension, seed, initialScale, rows, bytes } = manifest;
  const said = [
    [app, snapshot, trainedEvents, sha256, dimension, seed, initialScale, rows, bytes],
    manifest.chunkSha256,
    manifest.deltaOffsets.map(({ topic, partition, offset }) => [topic, partition, String(offset)]),
    manifest.createdAtMs,
  ];
  return createHash('sha256').update(JSON.stringify(said)).digest();
}
