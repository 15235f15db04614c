import type { LogReader, LogRecord, Watermarks } from '../transport/transport.js';
import { Unseen } from '../transport/unseen.js';

/**
 * Hands over what is committed in a topic between the watermarks, in order within a partition.
 * Rejects with the signal's reason when it is aborted, or with what `take` throws.
 */
export async function readBetween(
  reader: LogReader,
  topic: string,
  marks: readonly Watermarks[],
  take: (record: LogRecord) => void,
  signal: AbortSignal,
): Promise<void> {
  await Promise.all(
    marks.map((mark, partition) => readPartition(reader, topic, partition, mark, take, signal)),
  );
}

function readPartition(
  reader: LogReader,
  topic: string,
  partition: number,
  { low, high }: Watermarks,
  take: (record: LogRecord) => void,
  signal: AbortSignal,
): Promise<void> {
  if (low >= high) return Promise.resolve();
  const unseen = new Unseen(low);
  return new Promise<void>((resolve, reject) => {
    const end = (settle: () => void): void => {
      signal.removeEventListener('abort', abort);
      subscription.stop();
      settle();
    };
    const abort = (): void => end(() => reject(signal.reason));
    const subscription = reader.follow({ topic, partition }, low, {
      onRecords: (records, position) => {
        try {
          for (const record of unseen.of(records)) if (record.offset < high) take(record);
        } catch (error) {
          end(() => reject(error));
          return;
        }
        if (position >= high) end(resolve);
      },
    });
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
  });
}
