import type { LogRecord, TopicPartition, Transport } from '../transport/transport.js';
import { Unseen } from '../transport/unseen.js';

/**
 * Hands the committed records of `[from, to)` to `take`, in order, through a reader of its own: what
 * goes wrong here (records deleted meanwhile) must not stop whoever else reads. `to` is at most the
 * last stable offset. `take` may return false to stop early.
 *
 * Rejects with what `take` throws, with the reader's error, and with the signal's reason.
 */
export async function readRange(
  transport: Transport,
  place: TopicPartition,
  range: { readonly from: bigint; readonly to: bigint },
  take: (record: LogRecord) => Promise<boolean | undefined> | boolean | undefined,
  signal?: AbortSignal,
): Promise<void> {
  if (range.from >= range.to) return;
  signal?.throwIfAborted();
  let fail: (error: unknown) => void = () => {};
  const failed = new Promise<never>((_, reject) => {
    fail = reject;
  });
  failed.catch(() => undefined);
  const abort = (): void => fail(signal?.reason);
  signal?.addEventListener('abort', abort, { once: true });
  const reader = transport.reader([place.topic], (error) => fail(error));
  try {
    await Promise.race([failed, reader.run()]);
    const done = new Promise<void>((resolve) => {
      let over = false;
      const unseen = new Unseen(range.from);
      const subscription = reader.follow(place, range.from, {
        onRecords: async (records, position) => {
          if (over) return;
          try {
            for (const record of unseen.of(records)) {
              if (record.offset >= range.to) break;
              if ((await take(record)) === false) over = true;
              if (over) break;
            }
          } catch (error) {
            over = true;
            fail(error);
          }
          if (!over && position < range.to) return;
          over = true;
          subscription.stop();
          resolve();
        },
      });
    });
    await Promise.race([failed, done]);
  } finally {
    signal?.removeEventListener('abort', abort);
    await reader.close();
  }
}
