import type { User } from '../user.js';

/**
 * Returns a hash of 52 bits (an Avro long and a double hold it exactly). Two different ids of one
 * user's window meet by chance once in 10^14 events.
 *
 * cyrb53: two multiplicative 32-bit hashes, each finished with the mixer of MurmurHash3.
 */
export function hashEventId(eventId: string): number {
  let h1 = 0xdeadbeef;
  let h2 = 0x41c6ce57;
  for (let i = 0; i < eventId.length; i++) {
    const unit = eventId.charCodeAt(i);
    h1 = Math.imul(h1 ^ unit, 2654435761);
    h2 = Math.imul(h2 ^ unit, 1597334677);
  }
  h1 = Math.imul(h1 ^ (h1 >>> 16), 2246822507) ^ Math.imul(h2 ^ (h2 >>> 13), 3266489909);
  h2 = Math.imul(h2 ^ (h2 >>> 16), 2246822507) ^ Math.imul(h1 ^ (h1 >>> 13), 3266489909);
  return (h2 >>> 12) * 2 ** 32 + (h1 >>> 0);
}

/** Whether the user's window already has this id, at most `windowMs` of event time away. */
export function isDuplicate(
  user: User,
  hash: number,
  occurredAtMs: number,
  windowMs: number,
): boolean {
  for (const seen of user.recentEventIds) {
    if (seen.hash === hash && Math.abs(seen.occurredAtMs - occurredAtMs) <= windowMs) return true;
  }
  return false;
}

/** Remembers the id, and forgets those that left the window, or are more than `most`. */
export function rememberEventId(
  user: User,
  hash: number,
  occurredAtMs: number,
  windowMs: number,
  most: number,
): void {
  const ids = user.recentEventIds;
  let kept = 0;
  for (const seen of ids) {
    if (seen.occurredAtMs >= occurredAtMs - windowMs) ids[kept++] = seen;
  }
  ids.length = kept;
  ids.push({ hash, occurredAtMs });
  if (ids.length > most) ids.splice(0, ids.length - most);
}
