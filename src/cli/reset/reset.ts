import type { Config } from '../../config.js';
import { itemsGroup } from '../../items/step.js';
import { repartitionGroup } from '../../repartition/step.js';
import { matchingInputs, recordsBetween, type TopicSettings, taskTopic } from '../../topics.js';
import type { LogAdmin } from '../../transport/transport.js';

/** What a reset does, in this order. */
export interface ResetPlan {
  readonly application: string;
  readonly topics: readonly { readonly topic: string; readonly records: number }[];
  readonly offsets: readonly {
    readonly group: string;
    readonly topic: string;
    /** Sums over the partitions, for people. */
    readonly from: number;
    readonly to: number;
    readonly offsets: ReadonlyMap<number, bigint>;
  }[];
}

type Settings = TopicSettings & Pick<Config, 'appId'>;

/**
 * Returns what is to be deleted for the application to begin anew with the input that there is: its
 * topics, lists included, and how far its groups have read. Dead letters only where asked for: they
 * may be all that is left of an event. Input and items are never deleted.
 *
 * Errors (usage): GROUP_NOT_EMPTY while a process of the application runs; NOT_AUTHORISED.
 */
export async function planReset(
  config: Settings,
  admin: LogAdmin,
  { deadLetters }: { readonly deadLetters: boolean },
): Promise<ResetPlan> {
  const own = [
    config.userStateTopic,
    config.modelDeltasTopic,
    config.modelSnapshotsTopic,
    config.recommendationsTopic,
    ...(config.repartition ? [config.repartitionTopic] : []),
    ...(deadLetters ? [config.deadLetterTopic] : []),
  ];
  // By name the broker says which of them we may not see: those would be left behind.
  const topics = (await admin.listTopics(own)).map(({ topic }) => topic);
  const there = await admin.listTopics();
  const reads = matchingInputs(config, there).map(({ topic }) => ({
    group: config.repartition ? repartitionGroup(config.appId) : config.appId,
    topic,
  }));
  if (config.repartition && topics.includes(config.repartitionTopic)) {
    reads.push({ group: config.appId, topic: taskTopic(config) });
  }
  if (there.some(({ topic }) => topic === config.itemsTopic)) {
    reads.push({ group: itemsGroup(config.appId), topic: config.itemsTopic });
  }
  for (const { group, topic } of reads) await refuseMembers(admin, group, topic);
  const offsets = await Promise.all(reads.map((read) => offsetsOf(admin, read)));
  return {
    application: config.appId,
    topics: await Promise.all(
      topics.map(async (topic) => ({
        topic,
        records: recordsBetween(await admin.watermarks(topic)),
      })),
    ),
    offsets: offsets.filter((one) => one.offsets.size > 0),
  };
}

/** Setting no offsets at all is refused as well while the group has members. */
async function refuseMembers(admin: LogAdmin, group: string, topic: string): Promise<void> {
  await admin.resetOffsets(group, topic, new Map());
}

async function offsetsOf(
  admin: LogAdmin,
  { group, topic }: { readonly group: string; readonly topic: string },
) {
  const [committed, marks] = await Promise.all([
    admin.committed(group, topic),
    admin.watermarks(topic),
  ]);
  const offsets = new Map<number, bigint>();
  let from = 0;
  let to = 0;
  for (const [partition, { low }] of marks.entries()) {
    const at = committed[partition] ?? null;
    if (at === null || at === low) continue;
    offsets.set(partition, low);
    from += Number(at);
    to += Number(low);
  }
  return { group, topic, from, to, offsets };
}

/**
 * Carries the plan out. The topics go first: where it is cut off, a service does not start before it
 * is run again, since topics are missing. The other way round it would learn everything twice.
 *
 * Errors (usage): GROUP_NOT_EMPTY where a process has started meanwhile; nothing is deleted then.
 */
export async function reset(plan: ResetPlan, admin: LogAdmin): Promise<void> {
  for (const { group, topic } of plan.offsets) await refuseMembers(admin, group, topic);
  const gone = plan.topics.map(({ topic }) => topic);
  // A topic that is deleted takes its offsets along.
  await admin.deleteTopics(gone);
  for (const { group, topic, offsets } of plan.offsets) {
    if (!gone.includes(topic)) await admin.resetOffsets(group, topic, offsets);
  }
}
