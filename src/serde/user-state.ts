import type { Model } from '../online/model.js';
import { User } from '../online/user.js';
import type { AvroWriter } from './avro-writer.js';
import { UndecodableError } from './errors.js';
import { writeBasedOn } from './lean-list.js';
import { FORMAT_VERSION, type UserStateRecord } from './types.js';

/**
 * Returns the bytes of the user's changelog record: those that the codec writes
 * (a test holds them together), straight from the rings. Rows of the table become item ids.
 *
 * @param schemaId Of UserState.
 */
export function encodeUser(
  writer: AvroWriter,
  schemaId: number,
  user: User,
  model: Pick<Model, 'domainName' | 'key'>,
): Buffer {
  writer.begin(schemaId);
  writer.long(FORMAT_VERSION);
  writer.text(user.id);
  if (user.histories.length > 0) writer.long(user.histories.length);
  for (const { domain, count, rows, weights, times } of user.histories) {
    const name = model.domainName(domain);
    writer.text(name);
    writer.long(count);
    if (rows.length > 0) writer.long(rows.length);
    for (let i = 0; i < rows.length; i++) {
      // A row's key is `domain/itemId`.
      writer.text(model.key(rows[i]!), name.length + 1);
      writer.float(weights[i]!);
      writer.long(times[i]!);
    }
    writer.long(0);
  }
  writer.long(0);
  if (user.basedOn === null) writer.long(0);
  else {
    writer.long(1);
    writeBasedOn(writer, user.basedOn);
  }
  writer.long(Number(user.answeredOffset));
  writer.long(user.lastListAtMs);
  writer.long(user.minute);
  writer.long(user.minuteCount);
  if (user.recentEventIds.length > 0) writer.long(user.recentEventIds.length);
  for (const { hash, occurredAtMs } of user.recentEventIds) {
    writer.long(hash);
    writer.long(occurredAtMs);
  }
  writer.long(0);
  return writer.finish();
}

/**
 * The user of a changelog record; items that the table does not know yet get their rows.
 *
 * Errors: UNDECODABLE_RECORD (fatal) where a newer isthmus wrote it: what its fields mean is not known.
 */
export function userFromRecord(record: UserStateRecord, model: Model): User {
  if (record.formatVersion > FORMAT_VERSION) {
    throw new UndecodableError(
      'UserState',
      'schema-incompatible',
      `the state of user ${record.userId} has format version ${record.formatVersion}, known is ${FORMAT_VERSION}: it comes from a newer isthmus`,
      { field: 'formatVersion' },
    );
  }
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
