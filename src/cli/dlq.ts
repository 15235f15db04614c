import { Command } from 'commander';
import type { DeadLetter } from '../dlq/letters.js';
import { IsthmusError } from '../errors.js';
import { type CommonOptions, several, whole, withCommon } from './arguments.js';
import { withKafka } from './context.js';
import { showLetter } from './dlq-show.js';
import { figure, say, sayJson, table } from './output.js';

interface ListOptions extends CommonOptions {
  readonly reason?: readonly string[];
  readonly topic?: string;
  readonly limit: number;
  readonly all: boolean;
  readonly json: boolean;
}

interface ReplayCommandOptions extends CommonOptions {
  readonly reason?: readonly string[];
  readonly all: boolean;
  readonly force: boolean;
  readonly dryRun: boolean;
  readonly json: boolean;
}

/** `isthmus dlq list|show|replay` */
export function dlqCommand(): Command {
  const command = new Command('dlq').description('List, show or send back dead letters');
  command.addCommand(listCommand());
  command.addCommand(showCommand());
  command.addCommand(replayCommand());
  return command;
}

function listCommand(): Command {
  const command = new Command('list')
    .description('List the dead letters, newest last, with reason, origin and time')
    .option('--reason <word>', 'only those with this reason (may be given several times)', several)
    .option('--topic <name>', 'only those that came from this topic')
    .option('--limit <n>', 'at most so many of the newest', whole(1), 50)
    .option('--all', 'also those that were replayed', false)
    .option(
      '--json',
      'print an array of {id, reason, detail, origin, time, bytes, replays}',
      false,
    );
  return withCommon(command, [
    'isthmus dlq list',
    'isthmus dlq list --reason unknown-schema-id --limit 10 --json',
  ]).action(async (options: ListOptions) => {
    const found = (await lettersOf(options))
      .filter(({ reason }) => options.reason?.includes(reason) ?? true)
      .filter(({ origin }) => options.topic === undefined || origin?.topic === options.topic)
      .filter(({ replays }) => options.all || replays.length === 0);
    const shown = found.slice(-options.limit);
    if (options.json) return sayJson(shown.map(letterJson));
    if (shown.length === 0) return say('No dead letters.');
    const rows = shown.map((letter) => [
      letter.id,
      letter.reason,
      originText(letter),
      new Date(letter.timestampMs).toISOString(),
      `${shorten(letter.detail)}${letter.replays.length > 0 ? ' (replayed)' : ''}`,
    ]);
    say(table(['id', 'reason', 'origin', 'time', 'detail'], rows));
    if (shown.length < found.length) {
      say(`The newest ${figure(shown.length)} of ${figure(found.length)}; --limit shows more.`);
    }
  });
}

function showCommand(): Command {
  const command = new Command('show')
    .description('Show one dead letter: why, where from, and the event, or its bytes in hex')
    .argument('<id>', 'partition:offset, as `dlq list` has it')
    .option('--json', 'print one object', false);
  return withCommon(command, ['isthmus dlq show 0:17']).action(
    async (id: string, options: CommonOptions & { json: boolean }) => {
      const letter = (await lettersOf(options)).find((one) => one.id === id);
      if (letter === undefined) throw noLetter(id);
      await showLetter(letter, options, letterJson(letter));
    },
  );
}

function replayCommand(): Command {
  const command = new Command('replay')
    .description('Send dead letters back to the topics that they came from, each once')
    .argument('[ids...]', 'partition:offset, as `dlq list` has it')
    .option('--reason <word>', 'those with this reason (may be given several times)', several)
    .option('--all', 'all of them', false)
    .option('--force', 'also those that were replayed before', false)
    .option('--dry-run', 'only say what would be sent', false)
    .option('--json', 'print {replayed, before, impossible}', false);
  return withCommon(command, [
    'isthmus dlq replay --reason unknown-schema-id   # after the schema was registered',
    'isthmus dlq replay 0:17 0:18',
  ]).action(async (ids: string[], options: ReplayCommandOptions) => {
    const select = selectionOf(ids, options);
    const result = await withKafka(options, async ({ config, transport }) => {
      const [{ replayLetters }, { readLetters }] = await Promise.all([
        import('../dlq/replay.js'),
        import('../dlq/letters.js'),
      ]);
      const topic = config.deadLetterTopic;
      const known = new Set((await readLetters(transport, topic)).map(({ id }) => id));
      for (const id of ids) if (!known.has(id)) throw noLetter(id);
      const { appId, transactionTimeoutMs } = config;
      const { force, dryRun } = options;
      return replayLetters(transport, {
        appId,
        topic,
        transactionTimeoutMs,
        select,
        force,
        dryRun,
      });
    });
    if (result.impossible.length > 0) process.exitCode = 1;
    if (options.json) return sayJson(result);
    say(`${figure(result.replayed.length)} ${options.dryRun ? 'would be sent' : 'sent'} back`);
    if (result.before.length > 0) {
      say(`${figure(result.before.length)} were replayed before; --force sends them again`);
    }
    for (const { id, why } of result.impossible) say(`${id} cannot be sent back: ${why}`);
  });
}

function selectionOf(
  ids: readonly string[],
  { reason, all }: ReplayCommandOptions,
): (letter: DeadLetter) => boolean {
  if (!all && ids.length === 0 && reason === undefined) {
    throw new IsthmusError(
      'ARGUMENT_INVALID',
      'usage',
      'Which dead letters? Name them (`isthmus dlq list` does), or give --reason, or --all',
    );
  }
  return (letter) =>
    (ids.length === 0 || ids.includes(letter.id)) && (reason?.includes(letter.reason) ?? true);
}

async function lettersOf(options: CommonOptions): Promise<DeadLetter[]> {
  const { readLetters } = await import('../dlq/letters.js');
  return withKafka(options, ({ config, transport }) =>
    readLetters(transport, config.deadLetterTopic),
  );
}

function noLetter(id: string): IsthmusError {
  return new IsthmusError(
    'ARGUMENT_INVALID',
    'usage',
    `There is no dead letter ${id}: wants partition:offset, as \`isthmus dlq list\` has it`,
  );
}

function letterJson(letter: DeadLetter): Record<string, unknown> {
  const { id, reason, detail, origin, timestampMs, value, truncatedBytes, replays } = letter;
  return {
    id,
    reason,
    detail,
    origin:
      origin === null
        ? null
        : {
            topic: origin.topic,
            partition: origin.partition,
            offset: Number(origin.offset),
            time: new Date(origin.timestampMs).toISOString(),
          },
    time: new Date(timestampMs).toISOString(),
    bytes: truncatedBytes ?? value?.length ?? 0,
    replays: replays.length,
  };
}

function originText({ origin }: DeadLetter): string {
  return origin === null ? 'unknown' : `${origin.topic}/${origin.partition}:${origin.offset}`;
}

function shorten(text: string): string {
  return text.length <= 60 ? text : `${text.slice(0, 59)}…`;
}
