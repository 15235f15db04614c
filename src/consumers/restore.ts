import type { LogReader, TopicPartition, Watermarks } from '../transport/transport.js';

/**
 * Reads a changelog partition from its beginning up to the high watermark, by position: transaction
 * markers, aborted records and compaction leave gaps, so no record need stand at the last offset.
 *
 * Returns the newest value by key; a deleted key (empty value) is not in it.
 * Rejects with the signal's reason when it is aborted.
 */
export async function readChangelog(
  reader: LogReader,
  partition: TopicPartition,
  watermarks: Watermarks,
  options: { signal: AbortSignal; onProgress: (position: bigint) => void },
): Promise<Map<string, Buffer>> {
  const values = new Map<string, Buffer>();
  if (watermarks.low >= watermarks.high) return values;
  await new Promise<void>((resolve, reject) => {
    const abort = (): void => {
      subscription.stop();
      reject(options.signal.reason);
    };
    const subscription = reader.follow(partition, watermarks.low, {
      onRecords: (records, position) => {
        for (const record of records) {
          if (record.key === null || record.offset >= watermarks.high) continue;
          const key = record.key.toString();
          if (record.value === null) values.delete(key);
          else values.set(key, record.value);
        }
        options.onProgress(position);
        if (position < watermarks.high) return;
        options.signal.removeEventListener('abort', abort);
        subscription.stop();
        resolve();
      },
    });
    options.signal.addEventListener('abort', abort, { once: true });
    if (options.signal.aborted) abort();
  });
  return values;
}
