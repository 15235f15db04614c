import type { BehaviorEvent } from '../types.js';

/** Why an event is invalid: for machines, and a sentence for people. */
export interface Invalid {
  readonly reason: InvalidReason;
  readonly detail: string;
}

export type InvalidReason =
  | 'empty-user-id'
  | 'empty-item-id'
  | 'empty-action'
  | 'long-user-id'
  | 'long-item-id'
  | 'long-action'
  | 'long-event-id'
  | 'bad-domain'
  | 'bad-value'
  | 'before-1970'
  | 'far-future';

/** Longest id, in bytes of UTF-8. */
export const MAX_ID_BYTES = 256;
/** What a domain may be called. It is part of keys, metrics and addresses. */
export const DOMAIN_NAME = /^[A-Za-z0-9._-]{1,64}$/;
/** The last moment that JavaScript's Date can hold. */
const LAST_MS = 8.64e15;

/**
 * Returns why the event cannot be used, or null where it can. Invalid events go to the dead letters.
 *
 * @param recordTimestampMs When the record was written; negative where the log does not know it.
 * @param futureToleranceMs How much later than that an event may say it happened.
 */
export function validate(
  event: BehaviorEvent,
  recordTimestampMs: number,
  futureToleranceMs: number,
): Invalid | null {
  if (event.userId === '') return { reason: 'empty-user-id', detail: 'userId is empty' };
  if (event.itemId === '') return { reason: 'empty-item-id', detail: 'itemId is empty' };
  if (event.action === '') return { reason: 'empty-action', detail: 'action is empty' };
  if (isLong(event.userId)) return tooLong('long-user-id', 'userId', event.userId);
  if (isLong(event.itemId)) return tooLong('long-item-id', 'itemId', event.itemId);
  if (isLong(event.action)) return tooLong('long-action', 'action', event.action);
  if (event.eventId !== null && isLong(event.eventId)) {
    return tooLong('long-event-id', 'eventId', event.eventId);
  }
  if (!DOMAIN_NAME.test(event.domain)) {
    const shown = JSON.stringify(event.domain.slice(0, 80));
    const detail = `domain ${shown} is not 1 to 64 of the characters A-Z a-z 0-9 . _ -`;
    return { reason: 'bad-domain', detail };
  }
  if (event.value !== null && !Number.isFinite(event.value)) {
    return { reason: 'bad-value', detail: `value is ${event.value}` };
  }
  return validateTime(event.occurredAtMs, recordTimestampMs, futureToleranceMs);
}

function validateTime(
  occurredAtMs: number,
  recordTimestampMs: number,
  futureToleranceMs: number,
): Invalid | null {
  if (!(occurredAtMs >= 0)) {
    return { reason: 'before-1970', detail: `occurredAt ${occurredAtMs} ms is before 1970` };
  }
  const latest = recordTimestampMs < 0 ? LAST_MS : recordTimestampMs + futureToleranceMs;
  if (occurredAtMs > latest || occurredAtMs > LAST_MS) {
    const detail = `occurredAt is ${occurredAtMs - recordTimestampMs} ms after the record was written, ${futureToleranceMs} ms are allowed`;
    return { reason: 'far-future', detail };
  }
  return null;
}

function isLong(id: string): boolean {
  // A UTF-16 unit takes one to three bytes.
  if (id.length * 3 <= MAX_ID_BYTES) return false;
  return id.length > MAX_ID_BYTES || Buffer.byteLength(id) > MAX_ID_BYTES;
}

function tooLong(reason: InvalidReason, field: string, id: string): Invalid {
  const bytes = Buffer.byteLength(id);
  return { reason, detail: `${field} has ${bytes} bytes, ${MAX_ID_BYTES} are allowed` };
}
