import type { LogReader, TopicPartition, Watermarks } from '../transport/transport.js';
import { type ChangelogState, takeIn } from './changelog.js';

/**
 * Reads a changelog partition up to the high watermark, by position: transaction markers, aborted
 * records and compaction leave gaps, so no record need stand at the last offset. Begins where `warm`,
 * what a standby has gathered, ends; at the beginning where there is none, or the log does not hold
 * its position any more.
 *
 * Returns the newest value by key; a deleted key (empty value) is not in it.
 * Rejects with the signal's reason when it is aborted.
 */
export async function readChangelog(
  reader: LogReader,
  partition: TopicPartition,
  { low, high }: Watermarks,
  options: {
    signal: AbortSignal;
    /** Told at once where it begins, then after each step. */
    onProgress: (position: bigint) => void;
    warm?: ChangelogState | null;
  },
): Promise<Map<string, Buffer>> {
  const { signal, onProgress, warm } = options;
  const usable = warm !== undefined && warm !== null && low <= warm.position;
  const { values, position: from } =
    usable && warm.position <= high ? warm : { values: new Map<string, Buffer>(), position: low };
  onProgress(from);
  if (from >= high) return values;
  await new Promise<void>((resolve, reject) => {
    const abort = (): void => {
      subscription.stop();
      reject(signal.reason);
    };
    const subscription = reader.follow(partition, from, {
      onRecords: (records, position) => {
        takeIn(
          values,
          records.filter(({ offset }) => offset < high),
        );
        onProgress(position);
        if (position < high) return;
        signal.removeEventListener('abort', abort);
        subscription.stop();
        resolve();
      },
    });
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
  });
  return values;
}
