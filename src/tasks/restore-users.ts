import type { ChangelogState } from '../consumers/changelog.js';
import { readChangelog } from '../consumers/restore.js';
import { publish } from '../diagnostics.js';
import type { Model } from '../online/model.js';
import type { User } from '../online/user.js';
import type { Serde } from '../serde/serde.js';
import { userFromRecord } from '../serde/user-state.js';
import type { LogAdmin, LogReader, TopicPartition } from '../transport/transport.js';

/**
 * Returns the users of a changelog partition as of its high watermark now, and tells how far it is.
 *
 * @param warm What a standby has read of it already.
 */
export async function restoreUsers(
  place: TopicPartition,
  warm: ChangelogState | null,
  parts: {
    readonly app: string;
    readonly admin: LogAdmin;
    readonly reader: LogReader;
    readonly serde: Serde;
    readonly model: Model;
    /** Fulfilled when the model is as new as the users: they are decoded then. */
    readonly modelRestored: Promise<void>;
    readonly signal: AbortSignal;
  },
): Promise<User[]> {
  const { app, admin, reader, serde, model, signal } = parts;
  const { partition } = place;
  const begin = performance.now();
  const watermarks = (await admin.watermarks(place.topic))[partition];
  if (watermarks === undefined) {
    await parts.modelRestored;
    return [];
  }
  const end = watermarks.high;
  const report = (position: bigint, done: boolean): void => {
    const seconds = (performance.now() - begin) / 1000;
    publish('isthmus:restore', {
      app,
      partition,
      what: 'user-state',
      position,
      end,
      seconds,
      done,
    });
  };
  const values = await readChangelog(reader, place, watermarks, {
    signal,
    onProgress: (position) => report(position, false),
    warm,
  });
  await parts.modelRestored;
  const users = [...values.values()].map((value) =>
    userFromRecord(serde.userStates.decode(value), model),
  );
  report(end, true);
  return users;
}
