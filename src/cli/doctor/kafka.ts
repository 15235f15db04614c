import type { Config } from '../../config.js';
import { repartitionGroup } from '../../repartition/step.js';
import {
  applicationTopics,
  checkTopics,
  matchingInputs,
  neededTopics,
  taskTopic,
} from '../../topics.js';
import type { LogAdmin, TopicInfo, Transport } from '../../transport/transport.js';
import { checkByProbe } from './probe.js';
import { type Finding, found, looked, ok, skipped } from './report.js';

const AFTER_THE_BROKER = ['topics', 'offsets', 'pruning', 'transactions', 'clock'];
const READ_RIGHTS =
  'Give the right to describe and read these topics, and to read the group (see operations.md).';

/**
 * Broker, topics, rights, transactions, clock.
 *
 * @param probe Whether a topic may be made for a moment, and a record written to it.
 */
export async function checkKafka(
  config: Config,
  transport: Transport,
  probe: boolean,
): Promise<Finding[]> {
  const admin = await transport.admin();
  try {
    let topics: readonly TopicInfo[] = [];
    const broker = await looked(
      'broker',
      'Check KAFKA_BROKERS, the network, and the credentials.',
      async () => {
        const begin = performance.now();
        topics = await admin.listTopics();
        const took = Math.round(performance.now() - begin);
        const where = config.brokers.length === 0 ? 'The log' : config.brokers.join(', ');
        return ok('broker', `${where} answers in ${took} ms and shows ${topics.length} topics.`);
      },
    );
    if (broker.verdict === 'fail') {
      const rest = AFTER_THE_BROKER.map((check) => skipped(check, 'The broker does not answer.'));
      return [broker, ...rest];
    }
    const there = topics.map(({ topic }) => topic);
    return [
      broker,
      await checkPresent(config, admin, topics),
      await checkOffsets(config, admin, topics),
      there.includes(config.modelDeltasTopic)
        ? await checkPruning(config, admin)
        : skipped('pruning', `Topic ${config.modelDeltasTopic} is not there.`),
      ...(probe
        ? await checkByProbe(config, transport, admin)
        : ['transactions', 'clock'].map((check) => skipped(check, '--read-only was given.'))),
    ];
  } finally {
    await admin.close();
  }
}

async function checkPresent(
  config: Config,
  admin: LogAdmin,
  topics: readonly TopicInfo[],
): Promise<Finding> {
  try {
    // By name the broker says which of them we may not see.
    await admin.listTopics(neededTopics(config));
    const partitions = checkTopics(config, topics);
    const inputs = matchingInputs(config, topics).map(({ topic }) => topic);
    const detail = `All are there, with ${partitions} partitions; the input is ${inputs.join(', ')}.`;
    if (topics.some(({ topic }) => topic === config.itemsTopic)) return ok('topics', detail);
    return found(
      'topics',
      'warn',
      `${detail} ${config.itemsTopic}, for catalogues, is missing.`,
      'Run `isthmus topics create`.',
    );
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return found('topics', 'fail', 'They are missing, do not fit, or may not be seen.', message);
  }
}

/** Reads the watermarks of every topic, and the group's offsets. */
function checkOffsets(
  config: Config,
  admin: LogAdmin,
  topics: readonly TopicInfo[],
): Promise<Finding> {
  return looked('offsets', READ_RIGHTS, async () => {
    const names = applicationTopics(config, 1).map(({ topic }) => topic);
    const inputs = matchingInputs(config, topics).map(({ topic }) => topic);
    const ours = topics.map(({ topic }) => topic).filter((topic) => names.includes(topic));
    for (const topic of new Set([...ours, ...inputs])) await admin.watermarks(topic);
    const read: [string, string][] = [[config.appId, taskTopic(config)]];
    if (config.repartition) {
      for (const input of inputs) read.push([repartitionGroup(config.appId), input]);
    }
    const present = read.filter(([, topic]) => topics.some((info) => info.topic === topic));
    let committed = 0;
    for (const [group, topic] of present) {
      const offsets = await admin.committed(group, topic);
      committed += offsets.filter((offset) => offset !== null).length;
    }
    return ok(
      'offsets',
      committed === 0
        ? `Group ${config.appId} has committed nothing yet.`
        : `Group ${config.appId} has committed offsets of ${committed} partitions.`,
    );
  });
}

/** Deletes below the lowest offset that there is: nothing, but the right to do so is needed for it. */
async function checkPruning(config: Config, admin: LogAdmin): Promise<Finding> {
  const topic = config.modelDeltasTopic;
  if (config.snapshotKeep === 0) return skipped('pruning', 'ISTHMUS_SNAPSHOT_KEEP is 0.');
  const finding = await looked(
    'pruning',
    `Give the right to delete records of ${topic}, or set ISTHMUS_SNAPSHOT_KEEP=0 and let the topic grow.`,
    async () => {
      const marks = await admin.watermarks(topic);
      await admin.deleteRecords(
        topic,
        new Map(marks.map(({ low }, partition) => [partition, low])),
      );
      return ok('pruning', `Old records of ${topic} may be deleted.`);
    },
  );
  // The stream goes on without it.
  return finding.verdict === 'fail' ? { ...finding, verdict: 'warn' } : finding;
}
