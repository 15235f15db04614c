import { Command } from 'commander';
import type { Config } from '../config.js';
import {
  applicationTopics,
  checkTopics,
  matchingInputs,
  recordsBetween,
  taskTopic,
} from '../topics.js';
import type { LogAdmin, TopicInfo } from '../transport/transport.js';
import { type CommonOptions, whole, withCommon } from './arguments.js';
import { withKafka } from './context.js';
import { figure, say, sayJson, table } from './output.js';

interface TopicsOptions extends CommonOptions {
  readonly json: boolean;
  readonly partitions?: number;
}

/** Partitions of the input where nobody says how many, and it is not there yet. */
const DEFAULT_PARTITIONS = 4;

/** `isthmus topics create|list` */
export function topicsCommand(): Command {
  const command = new Command('topics').description('Make or list the topics of the application');
  command.addCommand(createCommand());
  command.addCommand(listCommand());
  return command;
}

function createCommand(): Command {
  const command = new Command('create')
    .description('Make the topics of the application that are not there yet')
    .option(
      '--partitions <n>',
      `of the input and what goes with it (as the input has, or else ${DEFAULT_PARTITIONS})`,
      whole(1, 10_000),
    )
    .option('--json', 'print {created, existing}', false);
  return withCommon(command, ['isthmus topics create --partitions 8']).action(
    async (options: TopicsOptions) => {
      const { created, existing } = await withKafka(options, async ({ config, transport }) =>
        createTopics(await transport.admin(), config, options.partitions),
      );
      if (options.json) return sayJson({ created, existing });
      for (const topic of created) say(`created ${topic}`);
      if (created.length === 0) say('All topics were there.');
    },
  );
}

/** Makes what is missing. Errors (usage): PARTITIONS_MISMATCH where what was there does not fit. */
export async function createTopics(
  admin: LogAdmin,
  config: Config,
  partitions: number | undefined,
): Promise<{ created: readonly string[]; existing: readonly string[] }> {
  const count = partitions ?? likeTheInput(config, await admin.listTopics());
  const wanted = applicationTopics(config, count);
  const created = await admin.createTopics(wanted);
  checkTopics(config, await admin.listTopics());
  const existing = wanted.map(({ topic }) => topic).filter((topic) => !created.includes(topic));
  return { created, existing };
}

/** As many as the tasks' topic has; where it is not there, as the input topics, at most, have. */
function likeTheInput(config: Config, existing: readonly TopicInfo[]): number {
  const source = existing.find(({ topic }) => topic === taskTopic(config));
  if (source !== undefined) return source.partitions;
  const counts = matchingInputs(config, existing).map((info) => info.partitions);
  return counts.length === 0 ? DEFAULT_PARTITIONS : Math.max(...counts);
}

function listCommand(): Command {
  const command = new Command('list')
    .description('List the topics of the application, with their partitions and records')
    .option('--json', 'print an array of {topic, partitions, records}', false);
  return withCommon(command, ['isthmus topics list', 'isthmus topics list --json']).action(
    async (options: TopicsOptions) => {
      const rows = await withKafka(options, async ({ config, transport }) =>
        listTopics(await transport.admin(), config),
      );
      if (options.json) return sayJson(rows);
      const text = rows.map(({ topic, partitions, records }) =>
        partitions === null
          ? [topic, 'missing', '']
          : [topic, String(partitions), figure(records ?? 0)],
      );
      say(table(['topic', 'partitions', 'records'], text, ['partitions', 'records']));
    },
  );
}

interface TopicRow {
  readonly topic: string;
  /** Null where it does not exist. */
  readonly partitions: number | null;
  /** Offsets between the watermarks, transaction markers included. */
  readonly records: number | null;
}

async function listTopics(admin: LogAdmin, config: Config): Promise<TopicRow[]> {
  const names = applicationTopics(config, 1).map(({ topic }) => topic);
  const there = new Map((await admin.listTopics(names)).map((info) => [info.topic, info]));
  return Promise.all(
    names.map(async (topic) => {
      const info = there.get(topic);
      if (info === undefined) return { topic, partitions: null, records: null };
      const records = recordsBetween(await admin.watermarks(topic));
      return { topic, partitions: info.partitions, records };
    }),
  );
}
