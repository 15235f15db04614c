import { Command } from 'commander';
import type { Evaluation } from '../evaluate/evaluate.js';
import type { BehaviorEvent } from '../online/types.js';
import { type CommonOptions, several, whole, withCommon } from './arguments.js';
import { withBackend } from './backend.js';
import { figure, percent, say, sayJson, table } from './output.js';
import { countRows, startProgress } from './progress.js';
import { EXIT_INTERRUPTED, stopSignal } from './signals.js';

interface EvaluateCommandOptions extends CommonOptions {
  readonly events?: string;
  readonly movielens: boolean;
  readonly seed?: number;
  readonly limit?: number;
  readonly coldStart: readonly string[];
  readonly set: readonly string[];
  readonly prequential: boolean;
  readonly strict: boolean;
  readonly json: boolean;
}

/** `isthmus evaluate`: one pass over a file, test-then-train. */
export function evaluateCommand(): Command {
  const command = new Command('evaluate')
    .description('Learn a file of events without Kafka, test-then-train, and print how good it was')
    .option('--events <file>', 'CSV, or CSV.gz, as for produce')
    .option('--movielens', "learn the demo's ratings instead of a file", false)
    .option('--seed <n>', 'ISTHMUS_LEARNER_SEED', whole(0, 2 ** 31 - 1))
    .option('--limit <n>', 'take at most so many events', whole(0))
    .option('--cold-start <file>', 'CSV of users new to a domain (may be repeated)', several, [])
    .option('--set <key=value>', "another value of a learner's setting (repeatable)", several, [])
    .option('--no-prequential', 'learn only: faster, and no figures by domain')
    .option('--strict', 'stop at the first broken row, instead of counting it', false)
    .option('--json', 'print one JSON document', false);
  return withCommon(command, [
    'isthmus evaluate --events events.csv.gz --json',
    'isthmus evaluate --movielens --set replay=4 --set dimension=64',
    'isthmus evaluate --events events.csv.gz --cold-start test.csv.gz --no-prequential',
    '',
    'Figures: the true item of each positive event among 999 random ones of its domain, before it is',
    'learned; ties count against us.',
  ]).action(async (options: EvaluateCommandOptions) => {
    const signal = stopSignal();
    const result = await run(options, signal);
    if (signal.aborted) process.exitCode = EXIT_INTERRUPTED;
    if (options.json) return sayJson(result);
    say(textOf(result));
  });
}

async function run(options: EvaluateCommandOptions, signal: AbortSignal): Promise<Evaluation> {
  const [{ settingsWith }, { evaluate }] = await Promise.all([
    import('../evaluate/settings.js'),
    import('../evaluate/evaluate.js'),
  ]);
  const seed = options.seed === undefined ? [] : [`seed=${options.seed}`];
  const config = settingsWith(process.env, options.config, [...options.set, ...seed]);
  const { events, total } = await sourceOf(options, signal);
  const progress = startProgress('events', Math.min(total, options.limit ?? total));
  try {
    return await withBackend(() =>
      evaluate({
        config,
        events,
        ...(options.limit === undefined ? {} : { limit: options.limit }),
        prequential: options.prequential,
        coldStart: options.coldStart,
        onProgress: (done) => progress.update(done),
        signal,
      }),
    );
  } finally {
    progress.close();
  }
}

interface Source {
  readonly events: AsyncIterable<readonly BehaviorEvent[]> | Iterable<readonly BehaviorEvent[]>;
  /** 0: nobody has counted them. */
  readonly total: number;
}

async function sourceOf(options: EvaluateCommandOptions, signal: AbortSignal): Promise<Source> {
  const { events: file, movielens } = options;
  if ((file === undefined) === !movielens) {
    const { IsthmusError } = await import('../errors.js');
    throw new IsthmusError(
      'ARGUMENT_INVALID',
      'usage',
      'evaluate wants its events from one place: --events FILE, or --movielens',
    );
  }
  if (file === undefined) {
    const { readMovieLens } = await import('../producers/replay/movielens.js');
    const { events } = await readMovieLens();
    return { events: [events], total: events.length };
  }
  const { readEvents } = await import('../producers/replay/events.js');
  let broken = 0;
  const onBroken = (line: number, why: string): void => {
    broken++;
    if (broken <= 10) process.stderr.write(`${file}, line ${line}: ${why}; left out\n`);
    if (broken === 11) process.stderr.write('further broken rows are left out without a word\n');
  };
  const total = process.stderr.isTTY ? await countRows(file) : 0;
  return { events: readEvents(file, { strict: options.strict, onBroken, signal }), total };
}

function textOf(result: Evaluation): string {
  const { events, seconds, eventsPerSecond, backend, left, domains, coldStart, digest } = result;
  const lines = [
    `${figure(events)} events in ${seconds.toFixed(1)} s (${figure(eventsPerSecond)}/s) on ${backend}`,
  ];
  const reasons = Object.entries(left).map(([reason, count]) => `${reason} ${figure(count)}`);
  if (reasons.length > 0) lines.push(`not learned: ${reasons.join(', ')}`);
  const figures = ['HR@10', 'NDCG@10', 'popularity HR@10', 'popularity NDCG@10'];
  if (domains.length > 0) {
    const rows = domains.map((row) => [row.domain, figure(row.events), ...measures(row)]);
    lines.push(table(['domain', 'events', ...figures], rows, ['events', ...figures]));
  }
  if (coldStart !== undefined) {
    const rows = coldStart.map((row) => [
      row.file,
      row.domain,
      figure(row.users),
      ...measures(row),
      row.mrr.toFixed(4),
    ]);
    const right = ['users', ...figures, 'MRR'];
    lines.push(table(['cold start', 'domain', ...right], rows, right));
  }
  lines.push(`trained events  ${figure(digest.trainedEvents)}`, `sha256          ${digest.sha256}`);
  return lines.join('\n');
}

function measures(row: {
  hr10: number;
  ndcg10: number;
  popularityHr10: number;
  popularityNdcg10: number;
}): string[] {
  return [row.hr10, row.ndcg10, row.popularityHr10, row.popularityNdcg10].map(percent);
}
