import type { Config } from './config.js';
import { IsthmusError } from './errors.js';
import type { TopicInfo, TopicSpec } from './transport/transport.js';

/** The settings that name topics. */
export type TopicSettings = Pick<
  Config,
  | 'inputTopic'
  | 'itemsTopic'
  | 'recommendationsTopic'
  | 'deadLetterTopic'
  | 'userStateTopic'
  | 'modelDeltasTopic'
  | 'modelSnapshotsTopic'
  | 'replicationFactor'
>;

const KEEP = { 'cleanup.policy': 'delete', 'retention.ms': '-1', 'retention.bytes': '-1' };
/** Compacted soon, so that a restore reads little more than there are keys. */
const CHANGELOG = {
  'cleanup.policy': 'compact',
  'segment.ms': '3600000',
  'min.cleanable.dirty.ratio': '0.2',
};

/**
 * Returns the topics of the application, as `isthmus topics create` makes them.
 *
 * All but items, dead letters and snapshots have as many partitions as the input: a stream task
 * writes to the partitions that have its own number. Deltas and snapshots are the model, so they are
 * kept until a durable snapshot makes them superfluous.
 */
export function applicationTopics(config: TopicSettings, partitions: number): TopicSpec[] {
  const spec = (topic: string, count: number, settings: Record<string, string>): TopicSpec => ({
    topic,
    partitions: count,
    config: settings,
    ...(config.replicationFactor === 0 ? {} : { replicationFactor: config.replicationFactor }),
  });
  return [
    spec(config.inputTopic, partitions, { 'cleanup.policy': 'delete' }),
    spec(config.itemsTopic, partitions, { 'cleanup.policy': 'compact' }),
    spec(config.recommendationsTopic, partitions, { 'cleanup.policy': 'compact,delete' }),
    spec(config.deadLetterTopic, 1, { 'cleanup.policy': 'delete', 'retention.ms': '-1' }),
    spec(config.userStateTopic, partitions, CHANGELOG),
    spec(config.modelDeltasTopic, partitions, KEEP),
    spec(config.modelSnapshotsTopic, 1, KEEP),
  ];
}

/**
 * Returns the number of partitions of the input, where all topics that the service needs are there
 * and fit it.
 *
 * Errors (usage): TOPIC_MISSING, PARTITIONS_MISMATCH, with the command that mends it.
 *
 * @param existing The topics that there are; others than ours do not matter.
 */
export function checkTopics(config: TopicSettings, existing: readonly TopicInfo[]): number {
  const counts = new Map(existing.map((info) => [info.topic, info.partitions]));
  const needed = [
    config.inputTopic,
    config.recommendationsTopic,
    config.deadLetterTopic,
    config.userStateTopic,
    config.modelDeltasTopic,
    config.modelSnapshotsTopic,
  ];
  const missing = needed.filter((topic) => !counts.has(topic));
  const partitions = counts.get(config.inputTopic);
  if (missing.length > 0 || partitions === undefined) throw topicsMissing(missing, partitions);

  for (const topic of [
    config.recommendationsTopic,
    config.userStateTopic,
    config.modelDeltasTopic,
  ]) {
    const count = counts.get(topic) ?? 0;
    if (count === partitions) continue;
    throw new IsthmusError(
      'PARTITIONS_MISMATCH',
      'usage',
      `Topic ${topic} has ${count} partitions, the input ${config.inputTopic} has ${partitions}: they must be the same, since users stay in their partition. Delete ${topic} and run \`isthmus topics create --partitions ${partitions}\` (its contents are lost), or choose another ISTHMUS_APP_ID`,
      { place: { topic } },
    );
  }
  return partitions;
}

function topicsMissing(missing: readonly string[], partitions: number | undefined): IsthmusError {
  const [first = '', ...others] = missing;
  const names = others.length === 0 ? `Topic ${first} does` : `Topics ${missing.join(', ')} do`;
  const flag = partitions === undefined ? '' : ` --partitions ${partitions}`;
  return new IsthmusError(
    'TOPIC_MISSING',
    'usage',
    `${names} not exist: run \`isthmus topics create${flag}\``,
    { place: { topic: first } },
  );
}
