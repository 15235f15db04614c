import type { Model } from '../online/model.js';
import { User } from '../online/user.js';
import { FORMAT_VERSION, type UserStateRecord } from './types.js';

/** The user as the changelog keeps them: rows of the table become item ids. */
export function userToRecord(user: User, model: Model): UserStateRecord {
  return {
    formatVersion: FORMAT_VERSION,
    userId: user.id,
    histories: user.histories.map((history) => ({
      domain: model.domainName(history.domain),
      count: history.count,
      entries: history.rows.map((row, i) => ({
        itemId: model.itemId(row),
        weight: history.weights[i]!,
        occurredAtMs: history.times[i]!,
      })),
    })),
    basedOn: user.basedOn,
    answeredOffset: user.answeredOffset,
    lastListAtMs: user.lastListAtMs,
    minute: user.minute,
    minuteCount: user.minuteCount,
    recentEventIds: user.recentEventIds,
  };
}

/** The user of a changelog record; items that the table does not know yet get their rows. */
export function userFromRecord(record: UserStateRecord, model: Model): User {
  const user = new User(record.userId);
  for (const { domain, count, entries } of record.histories) {
    const index = model.domainIndex(domain);
    for (const entry of entries) {
      user.push(model.intern(domain, entry.itemId), index, entry.weight, entry.occurredAtMs);
    }
    const history = user.history(index);
    if (history !== undefined) history.count = count;
  }
  user.basedOn = record.basedOn;
  user.answeredOffset = record.answeredOffset;
  user.lastListAtMs = record.lastListAtMs;
  user.minute = record.minute;
  user.minuteCount = record.minuteCount;
  user.recentEventIds = [...record.recentEventIds];
  return user;
}
