import { createHash } from 'node:crypto';
import { describeError } from '../errors.js';
import type { Serde } from '../serde/serde.js';
import type { SnapshotChunkRecord } from '../serde/types.js';
import type { LogAdmin, LogRecord, Transport } from '../transport/transport.js';
import { type Refusal, SnapshotRefused } from './errors.js';
import { readRange } from './log.js';
import { type SnapshotInfo, snapshotInfo } from './manifest.js';

export interface CatalogueOptions {
  readonly app: string;
  /** The snapshot topic; it has one partition. */
  readonly topic: string;
  readonly transport: Transport;
  readonly admin: LogAdmin;
  readonly serde: Serde;
  /** Told of what is passed over. */
  readonly onRefused: (refusal: Refusal) => void;
  readonly signal?: AbortSignal;
}

/** Offsets of the first look at the end of the topic: a manifest and its transaction's marker. */
const FIRST_LOOK = 4n;
const GROWTH = 8n;

/**
 * What the snapshot topic holds. A manifest is the last record of its snapshot, so the newest one is
 * found from the end of the topic, without reading the snapshots themselves.
 */
export class Catalogue {
  readonly options: CatalogueOptions;

  constructor(options: CatalogueOptions) {
    this.options = options;
  }

  /**
   * Returns the application's newest snapshot whose manifest stands below `end` (by default the end
   * of the topic), or null. From one to the one before: `before(info.firstOffset)`, or
   * `before(info.manifestOffset)` where its chunks are not where they should be.
   */
  async before(end?: bigint): Promise<SnapshotInfo | null> {
    const { admin, topic } = this.options;
    const [mark] = await admin.watermarks(topic);
    const [stable] = await admin.lastStable(topic);
    const low = mark?.low ?? 0n;
    let to = end ?? stable ?? 0n;
    for (let look = FIRST_LOOK; to > low; look *= GROWTH) {
      const from = to - look > low ? to - look : low;
      const newest = (await this.#manifests(from, to)).at(-1);
      if (newest !== undefined) return newest;
      to = from;
    }
    return null;
  }

  /**
   * Hands the payloads of the snapshot's chunks to `take`, in order, each after its hash was found
   * right. Errors: SnapshotRefused (undecodable, missing-chunk, damaged-chunk), and what `take` throws.
   */
  async readChunks(
    info: SnapshotInfo,
    take: (payload: Buffer, chunk: number) => void,
  ): Promise<void> {
    const { admin, topic, transport, signal } = this.options;
    const { chunkSha256 } = info.manifest;
    const total = chunkSha256.length;
    const [mark] = await admin.watermarks(topic);
    if (mark !== undefined && info.firstOffset < mark.low) {
      throw new SnapshotRefused('missing-chunk', `chunks below offset ${mark.low} were deleted`);
    }
    let next = 0;
    await readRange(
      transport,
      { topic, partition: 0 },
      { from: info.firstOffset, to: info.manifestOffset },
      (record) => {
        const { snapshot, chunk, payload } = this.#decode(record);
        if (snapshot !== info.id || chunk !== next) {
          throw new SnapshotRefused(
            'missing-chunk',
            `chunk ${next} of ${total} is not at offset ${record.offset}`,
          );
        }
        if (sha256(payload) !== chunkSha256[chunk]) {
          throw new SnapshotRefused(
            'damaged-chunk',
            `chunk ${chunk} of ${total} does not have the hash it should`,
          );
        }
        take(payload, chunk);
        next += 1;
        return undefined;
      },
      signal,
    );
    if (next < total) {
      throw new SnapshotRefused('missing-chunk', `chunk ${next} of ${total} is missing`);
    }
  }

  /** Whether all chunks are there with their hashes; null where they are, the reason where not. */
  async fault(info: SnapshotInfo): Promise<Refusal | null> {
    try {
      await this.readChunks(info, () => undefined);
      return null;
    } catch (error) {
      if (!(error instanceof SnapshotRefused)) throw error;
      return { snapshot: info.id, reason: error.reason, detail: error.message };
    }
  }

  /** Manifests of ours in `[from, to)`, in order. */
  async #manifests(from: bigint, to: bigint): Promise<SnapshotInfo[]> {
    const { app, topic, transport, signal, onRefused } = this.options;
    const found: SnapshotInfo[] = [];
    await readRange(
      transport,
      { topic, partition: 0 },
      { from, to },
      (record) => {
        let snapshot = `at offset ${record.offset}`;
        try {
          const decoded = this.#decode(record);
          snapshot = decoded.snapshot;
          if (decoded.manifest === null || decoded.app !== app) return undefined;
          found.push(snapshotInfo(decoded, record.offset));
        } catch (error) {
          if (!(error instanceof SnapshotRefused)) throw error;
          onRefused({ snapshot, reason: error.reason, detail: error.message });
        }
        return undefined;
      },
      signal,
    );
    return found;
  }

  #decode(record: LogRecord): SnapshotChunkRecord {
    try {
      return this.options.serde.snapshots.decode(record.value);
    } catch (error) {
      throw new SnapshotRefused('undecodable', describeError(error), error);
    }
  }
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
