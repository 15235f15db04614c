import { createInterface } from 'node:readline/promises';
import { Command } from 'commander';
import { IsthmusError } from '../errors.js';
import { type CommonOptions, withCommon } from './arguments.js';
import { withKafka } from './context.js';
import { figure, say, sayJson, table } from './output.js';
import { planReset, type ResetPlan, reset } from './reset/reset.js';

interface ResetOptions extends CommonOptions {
  readonly yes: boolean;
  readonly dryRun: boolean;
  readonly deadLetters: boolean;
  readonly json: boolean;
}

/** `isthmus reset` */
export function resetCommand(): Command {
  const command = new Command('reset')
    .description('Delete the state, the model and the lists of the application, to begin anew')
    .option('--yes', 'do not ask', false)
    .option('--dry-run', 'say what would be deleted, and delete nothing', false)
    .option('--dead-letters', 'delete the dead letters too', false)
    .option('--json', 'print {application, topics, offsets, deleted}', false);
  return withCommon(command, [
    'isthmus reset --dry-run',
    'ISTHMUS_APP_ID=shop isthmus reset',
    'isthmus reset --yes && isthmus topics create',
  ]).action(async (options: ResetOptions) => {
    await withKafka(options, async ({ config, transport }) => {
      const admin = await transport.admin();
      const plan = await planReset(config, admin, options);
      if (!options.json) say(planText(plan));
      if (!options.dryRun) {
        if (!options.yes) await confirm(plan.application);
        await reset(plan, admin);
      }
      const deleted = !options.dryRun;
      if (options.json) return sayJson(planJson(plan, deleted));
      if (deleted) say('Done. `isthmus topics create` makes the topics anew.');
    });
  });
}

function planText({ application, topics, offsets }: ResetPlan): string {
  const parts = [`Application ${application}:`];
  if (topics.length > 0) {
    const rows = topics.map(({ topic, records }) => [topic, figure(records), 'delete']);
    parts.push(table(['topic', 'records', ''], rows, ['records']));
  }
  for (const { group, topic, from, to } of offsets) {
    parts.push(
      `Group ${group} reads ${topic} from its beginning again (${figure(from)} -> ${figure(to)}, all partitions together).`,
    );
  }
  if (topics.length + offsets.length === 0) parts.push('There is nothing to delete.');
  parts.push('The input and the items stay.');
  return parts.join('\n');
}

function planJson({ application, topics, offsets }: ResetPlan, deleted: boolean): object {
  return {
    application,
    topics,
    offsets: offsets.map(({ group, topic, from, to }) => ({ group, topic, from, to })),
    deleted,
  };
}

/** Asks on the terminal; null where there is none. */
async function askTerminal(question: string): Promise<string | null> {
  if (!process.stdin.isTTY) return null;
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await lines.question(question);
  } finally {
    lines.close();
  }
}

/** Errors (usage): NOT_CONFIRMED where the application's id was not typed. */
export async function confirm(
  application: string,
  ask: (question: string) => Promise<string | null> = askTerminal,
): Promise<void> {
  const typed = await ask(`This cannot be undone. Type ${application} to go on: `);
  if (typed?.trim() === application) return;
  throw new IsthmusError(
    'NOT_CONFIRMED',
    'usage',
    `Nothing was deleted: type the application id, ${application}, when asked, or give --yes`,
  );
}
