import type { User } from '../user.js';

const MINUTE_MS = 60_000;

/**
 * Counts the event in its minute of event time, and returns whether it is one too many: nobody
 * touches so many things. Refused events are counted too, so that a bot stays refused until its
 * minute is over.
 *
 * The count is that of the newest event's minute; an event of another minute begins a new one.
 *
 * @param eventsPerMinute The most that is accepted; 0: any number.
 */
export function isBot(user: User, occurredAtMs: number, eventsPerMinute: number): boolean {
  if (eventsPerMinute === 0) return false;
  const minute = Math.floor(occurredAtMs / MINUTE_MS);
  if (minute !== user.minute) {
    user.minute = minute;
    user.minuteCount = 0;
  }
  if (user.minuteCount <= eventsPerMinute) user.minuteCount++;
  return user.minuteCount > eventsPerMinute;
}
