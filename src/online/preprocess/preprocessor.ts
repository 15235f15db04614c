import type { BehaviorEvent, Interaction } from '../types.js';
import type { User } from '../user.js';
import { isBot } from './bots.js';
import { hashEventId, isDuplicate, rememberEventId } from './duplicates.js';
import { type Invalid, validate } from './validation.js';
import { type ActionWeights, DEFAULT_ACTION_WEIGHTS, weigh } from './weights.js';

/** The settings of preprocessing; Config has them all. */
export interface PreprocessOptions {
  readonly actionWeights: ActionWeights;
  /** 0: any number. */
  readonly botEventsPerMinute: number;
  /** 0: duplicates are not looked for. */
  readonly duplicateWindowMs: number;
  /** The most eventIds that are kept of a user. */
  readonly duplicateIds: number;
  readonly futureToleranceMs: number;
}

export const DEFAULT_PREPROCESS_OPTIONS: PreprocessOptions = Object.freeze({
  actionWeights: DEFAULT_ACTION_WEIGHTS,
  botEventsPerMinute: 300,
  duplicateWindowMs: 600_000,
  duplicateIds: 32,
  futureToleranceMs: 300_000,
});

/** Why a valid event was not taken. It is counted, and no dead letter. */
export type RefusedReason = 'bot' | 'duplicate';

export type Verdict = { readonly interaction: Interaction } | { readonly refused: RefusedReason };

/**
 * From an event to an interaction: validation, duplicates, bots, weight. One step a file.
 *
 * Deterministic: what it remembers is in the User (and so in the changelog), what it knows of time
 * is in the event and its record.
 *
 *     const p = new Preprocessor();
 *     p.admit({ ...event, action: 'rate', value: 5 }, user)    // { interaction: { weight: 1, ... } }
 *     p.admit({ ...event, action: 'rate', value: 5 }, user)    // { refused: 'duplicate' }
 */
export class Preprocessor {
  readonly options: PreprocessOptions;

  constructor(options: Partial<PreprocessOptions> = {}) {
    this.options = { ...DEFAULT_PREPROCESS_OPTIONS, ...options };
  }

  /** Returns why the event is invalid (dead letter), or null. Does not look at the user. */
  validate(event: BehaviorEvent, recordTimestampMs: number): Invalid | null {
    return validate(event, recordTimestampMs, this.options.futureToleranceMs);
  }

  /** Returns the interaction, or why a valid event is refused. Writes what it counts into the user. */
  admit(event: BehaviorEvent, user: User): Verdict {
    const { duplicateWindowMs, duplicateIds, botEventsPerMinute, actionWeights } = this.options;
    const { domain, itemId, occurredAtMs, eventId } = event;
    const identified =
      eventId !== null && eventId !== '' && duplicateWindowMs > 0 && duplicateIds > 0;
    const hash = identified ? hashEventId(eventId) : 0;
    if (identified && isDuplicate(user, hash, occurredAtMs, duplicateWindowMs)) {
      return { refused: 'duplicate' };
    }
    if (isBot(user, occurredAtMs, botEventsPerMinute)) return { refused: 'bot' };
    if (identified) rememberEventId(user, hash, occurredAtMs, duplicateWindowMs, duplicateIds);
    const weight = weigh(actionWeights, event.action, event.value);
    return { interaction: { domain, itemId, weight, occurredAtMs } };
  }
}
