import { subscribe } from '../diagnostics.js';
import type { Logger } from './logger.js';

const EVERY_SECONDS = 5;
/** Shorter ones are for those alone who look closely. */
const LONG_SECONDS = 1;

/**
 * Says on the log how far an application's restores are, every five seconds, and what the long ones took.
 * Returns what ends it.
 */
export function logRestores(app: string, logger: Logger): () => void {
  /** Where each began, and when the next word on it is due. */
  const restores = new Map<string, { readonly from: bigint; dueSeconds: number }>();
  return subscribe('isthmus:restore', (event) => {
    if (event.app !== app) return;
    const { what, partition, position, end, seconds, done } = event;
    const key = `${what}/${partition}`;
    let restore = restores.get(key);
    if (restore === undefined) {
      restore = { from: position, dueSeconds: EVERY_SECONDS };
      restores.set(key, restore);
    }
    if (done) {
      restores.delete(key);
      // Of snapshots more is told by whoever loads them.
      if (what === 'snapshot') return;
      const fields = { what, partition, records: Number(end - restore.from), seconds };
      if (seconds < LONG_SECONDS) logger.debug('restored', fields);
      else logger.info('restored', fields);
    } else if (seconds >= restore.dueSeconds) {
      restore.dueSeconds = seconds + EVERY_SECONDS;
      const percent = Math.floor(
        (100 * Number(position - restore.from)) / Number(end - restore.from),
      );
      const remaining = Number(end - position);
      logger.info('a restore is under way', { what, partition, percent, remaining, seconds });
    }
  });
}
