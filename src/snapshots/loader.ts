import { digestSlices } from '../online/digest.js';
import type { Model } from '../online/model.js';
import { SnapshotAssembler } from '../online/snapshot/assemble.js';
import { SnapshotFormatError } from '../online/snapshot/format.js';
import type { Watermarks } from '../transport/transport.js';
import type { Catalogue } from './catalogue.js';
import { modelLogTruncated, type Refusal, SnapshotRefused, snapshotAheadOfLog } from './errors.js';
import { deltaOffsetsOf, requireOptions, type SnapshotInfo } from './manifest.js';
import { sliced } from './slices.js';

/** Whoever keeps a second model like the one that a snapshot is loaded into. */
export interface LoadFollower {
  /** The model is empty again. */
  cleared(): void;
  /** The next chunk was taken in. */
  chunk(payload: Uint8Array): void;
  /** All of them were. */
  loaded(): void;
}

/**
 * Makes the model what the newest snapshot that is whole says, and returns that snapshot; null where
 * there is none (the model is empty then). What is torn, damaged or of a newer format is passed over for the
 * one before, and `catalogue.options.onRefused` is told.
 *
 * Every chunk's hash is checked before it is used, and the canonical hash of the model at the end.
 *
 * Errors: SNAPSHOT_MISMATCH (usage) where the newest is of a model with other options.
 */
export async function loadNewest(
  model: Model,
  catalogue: Catalogue,
  onProgress: (info: SnapshotInfo, chunk: number) => void = () => undefined,
  follower: LoadFollower | null = null,
): Promise<SnapshotInfo | null> {
  let end: bigint | undefined;
  for (;;) {
    // Also where an earlier call was interrupted.
    model.clear();
    follower?.cleared();
    const info = await catalogue.before(end);
    if (info === null) return null;
    requireOptions(info, model.options);
    const refusal = await load(model, catalogue, info, onProgress, follower);
    if (refusal === null) return info;
    catalogue.options.onRefused(refusal);
    end = info.manifestOffset;
  }
}

async function load(
  model: Model,
  catalogue: Catalogue,
  info: SnapshotInfo,
  onProgress: (info: SnapshotInfo, chunk: number) => void,
  follower: LoadFollower | null,
): Promise<Refusal | null> {
  try {
    const assembler = new SnapshotAssembler(model);
    onProgress(info, 0);
    await catalogue.readChunks(info, (payload, chunk) => {
      assembler.add(payload);
      follower?.chunk(payload);
      onProgress(info, chunk + 1);
    });
    assembler.finish();
    follower?.loaded();
    const { signal } = catalogue.options;
    const sha256 = await sliced(digestSlices(model), signal);
    if (sha256 === info.manifest.sha256) return null;
    const detail = `its model has the hash ${sha256}, the manifest says ${info.manifest.sha256}`;
    return { snapshot: info.id, reason: 'wrong-hash', detail };
  } catch (error) {
    if (error instanceof SnapshotRefused) {
      return { snapshot: info.id, reason: error.reason, detail: error.message };
    }
    if (error instanceof SnapshotFormatError) {
      const reason = error.newer ? 'newer-format' : 'damaged-chunk';
      return { snapshot: info.id, reason, detail: error.message };
    }
    throw error;
  }
}

/**
 * Returns the offsets, by partition of the delta topic, from which the deltas go on after `loaded`
 * (from 0 where nothing was loaded).
 *
 * Errors (fatal): MODEL_LOG_TRUNCATED where deltas that are needed were deleted;
 * SNAPSHOT_AHEAD_OF_LOG where the topic ends before the snapshot does.
 *
 * @param watermarks Of the delta topic, asked after the snapshot was loaded.
 */
export function deltasAfter(
  loaded: SnapshotInfo | null,
  topic: string,
  watermarks: readonly Watermarks[],
  refused: readonly Refusal[],
): bigint[] {
  const from =
    loaded === null ? watermarks.map(() => 0n) : deltaOffsetsOf(loaded, topic, watermarks.length);
  for (const [partition, { low, high }] of watermarks.entries()) {
    const needed = from[partition]!;
    const place = { topic, partition };
    if (low > needed) throw modelLogTruncated(place, low, needed, loaded?.id ?? null, refused);
    if (loaded !== null && high < needed) throw snapshotAheadOfLog(place, high, needed, loaded.id);
  }
  return from;
}
