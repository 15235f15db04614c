import type { Catalogue } from './catalogue.js';
import type { SnapshotInfo } from './manifest.js';

/** What pruning did. */
export interface Pruned {
  /** Ids of the snapshots that are kept, newest first. */
  readonly kept: readonly string[];
  /** Records (offsets, that is) deleted of the snapshot topic. */
  readonly snapshotRecords: number;
  /** Records (offsets, that is) deleted of the delta topic, all partitions together. */
  readonly deltaRecords: number;
}

/**
 * Keeps the newest `keep` snapshots that are whole, and deletes what is older: snapshot records below
 * the oldest one kept, and deltas below its offsets. Never above: from each one kept, the model can be
 * rebuilt to the end of the deltas. Where there are fewer than `keep`, nothing is deleted.
 *
 * Deltas are deleted only where the snapshots that make them superfluous have been read and found
 * whole.
 */
export async function pruneSnapshots(
  catalogue: Catalogue,
  options: {
    readonly deltaTopic: string;
    readonly keep: number;
    /** Ids of snapshots that were read and found whole before; new ones are added. */
    readonly whole?: Set<string>;
  },
): Promise<Pruned> {
  const { deltaTopic, keep, whole = new Set<string>() } = options;
  const { admin, topic } = catalogue.options;
  const kept: SnapshotInfo[] = [];
  let end: bigint | undefined;
  while (kept.length < keep) {
    const info = await catalogue.before(end);
    if (info === null) return { kept: ids(kept), snapshotRecords: 0, deltaRecords: 0 };
    const fault = whole.has(info.id) ? null : await catalogue.fault(info);
    if (fault === null) {
      whole.add(info.id);
      kept.push(info);
    } else catalogue.options.onRefused(fault);
    end = fault === null ? info.firstOffset : info.manifestOffset;
  }
  const snapshotLow = least(kept.map(({ firstOffset }) => firstOffset));
  const snapshotRecords = await deleteBelow(catalogue, topic, new Map([[0, snapshotLow]]));

  const marks = await admin.watermarks(deltaTopic);
  const below = new Map<number, bigint>();
  for (const partition of marks.keys()) {
    const needed = kept.map(
      ({ manifest }) =>
        manifest.deltaOffsets.find(
          (place) => place.topic === deltaTopic && place.partition === partition,
        )?.offset ?? 0n,
    );
    below.set(partition, least(needed));
  }
  const deltaRecords = await deleteBelow(catalogue, deltaTopic, below);
  return { kept: ids(kept), snapshotRecords, deltaRecords };
}

/** Deletes what stands below the offsets; returns how many offsets that were. */
async function deleteBelow(
  catalogue: Catalogue,
  topic: string,
  below: ReadonlyMap<number, bigint>,
): Promise<number> {
  const { admin } = catalogue.options;
  const wanted = new Map<number, bigint>();
  let records = 0;
  for (const [partition, { low, high }] of (await admin.watermarks(topic)).entries()) {
    const offset = below.get(partition) ?? 0n;
    // A snapshot ahead of the log belongs to another one: not for us to delete by.
    if (offset <= low || offset > high) continue;
    wanted.set(partition, offset);
    records += Number(offset - low);
  }
  if (wanted.size > 0) await admin.deleteRecords(topic, wanted);
  return records;
}

function least(offsets: readonly bigint[]): bigint {
  const [first = 0n, ...others] = offsets;
  let found = first;
  for (const offset of others) if (offset < found) found = offset;
  return found;
}

function ids(snapshots: readonly SnapshotInfo[]): string[] {
  return snapshots.map(({ id }) => id);
}
