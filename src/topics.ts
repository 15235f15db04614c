import { parseInputs } from './config/inputs.js';
import type { Config } from './config.js';
import { IsthmusError } from './errors.js';
import type { TopicInfo, TopicSpec, Watermarks } from './transport/transport.js';

/** The settings that name topics. */
export type TopicSettings = Pick<
  Config,
  | 'inputTopic'
  | 'repartition'
  | 'repartitionTopic'
  | 'itemsTopic'
  | 'recommendationsTopic'
  | 'deadLetterTopic'
  | 'userStateTopic'
  | 'modelDeltasTopic'
  | 'modelSnapshotsTopic'
  | 'replicationFactor'
>;

const MIB = 1_048_576;
/** The model. The disk gets back whole segments, never the one that is written to. */
const KEEP = {
  'cleanup.policy': 'delete',
  'retention.ms': '-1',
  'retention.bytes': '-1',
  'segment.bytes': String(256 * MIB),
};
/** Compacted soon, so that a restore reads little more than there are keys. */
const COMPACTED_SOON = {
  'segment.ms': '3600000',
  'segment.bytes': String(64 * MIB),
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
  const repartition = config.repartition
    ? [spec(config.repartitionTopic, partitions, { 'cleanup.policy': 'delete' })]
    : [];
  return [
    ...inputNames(config).map((name) => spec(name, partitions, { 'cleanup.policy': 'delete' })),
    ...repartition,
    spec(config.itemsTopic, partitions, { 'cleanup.policy': 'compact', ...COMPACTED_SOON }),
    spec(config.recommendationsTopic, partitions, {
      'cleanup.policy': 'compact,delete',
      ...COMPACTED_SOON,
    }),
    spec(config.deadLetterTopic, 1, { 'cleanup.policy': 'delete', 'retention.ms': '-1' }),
    spec(config.userStateTopic, partitions, { 'cleanup.policy': 'compact', ...COMPACTED_SOON }),
    spec(config.modelDeltasTopic, partitions, KEEP),
    spec(config.modelSnapshotsTopic, 1, KEEP),
  ];
}

/** The input topics that have names; none where there is a pattern. */
export function inputNames(config: Pick<TopicSettings, 'inputTopic'>): readonly string[] {
  return parseInputs(config.inputTopic)?.names ?? [];
}

/**
 * Returns what to subscribe to for the input: names, or a pattern that leaves out the application's
 * own topics and Kafka's.
 */
export function inputSubscription(config: TopicSettings): readonly (string | RegExp)[] {
  const pattern = parseInputs(config.inputTopic)?.pattern ?? null;
  if (pattern === null) return inputNames(config);
  const own = [...applicationTopics(config, 1).map(({ topic }) => topic), '__[^]*'];
  const escaped = own.map((name) => name.replace(/[.]/g, '\\.'));
  return [new RegExp(`^(?!(?:${escaped.join('|')})$)(?:${pattern})$`)];
}

/** The input topics of those that there are. */
export function matchingInputs(
  config: TopicSettings,
  existing: readonly TopicInfo[],
): readonly TopicInfo[] {
  const wanted = inputSubscription(config);
  return existing.filter(({ topic }) =>
    wanted.some((want) => (typeof want === 'string' ? want === topic : want.test(topic))),
  );
}

/** The topic that the stream tasks read: the input, or its copy by user. */
export function taskTopic(
  config: Pick<TopicSettings, 'inputTopic' | 'repartition' | 'repartitionTopic'>,
): string {
  return config.repartition ? config.repartitionTopic : config.inputTopic;
}

/** Returns the offsets between the watermarks of a topic, transaction markers included. */
export function recordsBetween(marks: readonly Watermarks[]): number {
  return marks.reduce((sum, { low, high }) => sum + Number(high - low), 0);
}

/** Returns the names of the topics that the service cannot do without. */
export function neededTopics(config: TopicSettings): string[] {
  const needed = new Set([
    ...inputNames(config),
    taskTopic(config),
    config.recommendationsTopic,
    config.deadLetterTopic,
    config.userStateTopic,
    config.modelDeltasTopic,
    config.modelSnapshotsTopic,
  ]);
  return [...needed];
}

/**
 * Returns the number of partitions that the stream tasks have, where all topics that the service
 * needs are there and fit.
 *
 * Errors (usage): TOPIC_MISSING, PARTITIONS_MISMATCH, with the command that mends it.
 *
 * @param existing The topics that there are; others than ours do not matter.
 */
export function checkTopics(config: TopicSettings, existing: readonly TopicInfo[]): number {
  const counts = new Map(existing.map((info) => [info.topic, info.partitions]));
  const source = taskTopic(config);
  const missing = neededTopics(config).filter((topic) => !counts.has(topic));
  const partitions = counts.get(source);
  if (missing.length > 0 || partitions === undefined) throw topicsMissing(missing, partitions);
  checkPattern(config, existing);

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
      `Topic ${topic} has ${count} partitions, the input ${source} has ${partitions}: they must be the same, since users stay in their partition. Delete ${topic} and run \`isthmus topics create --partitions ${partitions}\` (its contents are lost), or choose another ISTHMUS_APP_ID`,
      { place: { topic } },
    );
  }
  return partitions;
}

function checkPattern(config: TopicSettings, existing: readonly TopicInfo[]): void {
  if (inputNames(config).length > 0 || matchingInputs(config, existing).length > 0) return;
  throw new IsthmusError(
    'TOPIC_MISSING',
    'usage',
    `No topic's name matches ISTHMUS_INPUT_TOPIC, ${config.inputTopic} (the whole name has to; isthmus's own topics do not count): make the topic, or correct the setting`,
  );
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
