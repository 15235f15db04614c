import { writeFile } from 'node:fs/promises';
import { Command } from 'commander';
import type { Evaluation } from '../evaluate/evaluate.js';
import type { CatalogueItem } from '../evaluate/pass.js';
import type { SeveralSeeds } from '../evaluate/seeds.js';
import type { BehaviorEvent } from '../online/types.js';
import type { MovieLens } from '../producers/replay/movielens.js';
import {
  type CommonOptions,
  filled,
  several,
  severalWhole,
  whole,
  withCommon,
} from './arguments.js';
import { withBackend } from './backend.js';
import { textOf } from './evaluate-text.js';
import { say, sayJson } from './output.js';
import { countRows, startProgress } from './progress.js';
import { EXIT_INTERRUPTED, stopSignal } from './signals.js';

interface EvaluateCommandOptions extends CommonOptions {
  readonly events?: string;
  readonly movielens: boolean;
  readonly content: boolean;
  readonly tags?: string;
  readonly items?: string;
  readonly action?: string;
  readonly seed: readonly number[];
  readonly limit?: number;
  readonly baselines?: string;
  readonly curve?: string;
  readonly window: number;
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
    .option('--action <name>', 'what rows without an action stand for (default: interact)', filled)
    .option('--items <file>', 'CSV of what is known of the items, as for produce')
    .option('--content', 'with --movielens: titles and genres of the films', false)
    .option('--tags <file>', 'with --content: tags.csv of ml-latest-small too')
    .option(
      '--seed <n>',
      'ISTHMUS_LEARNER_SEED; several give means and deviations (repeatable)',
      severalWhole(0, 2 ** 31 - 1),
      [],
    )
    .option('--limit <n>', 'take at most so many events', whole(0))
    .option('--cold-start <file>', 'CSV of users new to a domain (may be repeated)', several, [])
    .option('--baselines <names>', 'score these beside ours: popularity,recent,item-knn,deep,wide')
    .option('--curve <file>', 'CSV of how quality goes over the stream (with the first seed)')
    .option('--window <n>', 'events that a point of the curve looks back on', whole(5), 5000)
    .option('--set <key=value>', "another value of a learner's setting (repeatable)", several, [])
    .option('--no-prequential', 'learn only: faster, and no figures by domain')
    .option('--strict', 'stop at the first broken row, instead of counting it', false)
    .option('--json', 'print one JSON document', false);
  return withCommon(command, [
    'isthmus evaluate --events events.csv.gz --json',
    'isthmus evaluate --movielens --set replay=4 --set dimension=64',
    'isthmus evaluate --movielens --baselines popularity,recent,item-knn --curve curve.csv',
    'isthmus evaluate --movielens --content --set mode=content',
    'isthmus evaluate --events events.csv.gz --items items.csv.gz',
    'isthmus evaluate --movielens --seed 1 --seed 2 --seed 3',
    'isthmus evaluate --events events.csv.gz --cold-start test.csv.gz --no-prequential',
    '',
    'Figures: the true item of each positive event among 999 random ones of its domain, before it is',
    'learned; ties count against us.',
  ]).action(async (options: EvaluateCommandOptions) => {
    const signal = stopSignal();
    const result = await evaluateSeeds(options, signal);
    if (signal.aborted) process.exitCode = EXIT_INTERRUPTED;
    if (options.json) return sayJson(result);
    say(textOf(result));
  });
}

/** One pass without a seed or with one; several seeds, one after the other, and what they say together. */
async function evaluateSeeds(
  options: EvaluateCommandOptions,
  signal: AbortSignal,
): Promise<Evaluation | SeveralSeeds> {
  const runs: Evaluation[] = [];
  const seeds = options.seed.length === 0 ? [undefined] : options.seed;
  for (const [i, seed] of seeds.entries()) {
    if (signal.aborted && i > 0) break;
    runs.push(await run(options, seed, i === 0, signal));
  }
  if (options.seed.length < 2) return runs[0]!;
  const { severalSeeds } = await import('../evaluate/seeds.js');
  return severalSeeds(options.seed.slice(0, runs.length), runs);
}

async function run(
  options: EvaluateCommandOptions,
  seed: number | undefined,
  first: boolean,
  signal: AbortSignal,
): Promise<Evaluation> {
  const [{ settingsWith }, { evaluate }, { baselinesNamed }] = await Promise.all([
    import('../evaluate/settings.js'),
    import('../evaluate/evaluate.js'),
    import('../evaluate/baselines/index.js'),
  ]);
  const set = seed === undefined ? options.set : [...options.set, `seed=${seed}`];
  const config = settingsWith(process.env, options.config, set);
  const baselines = options.baselines === undefined ? [] : baselinesNamed(options.baselines);
  const curve = first ? options.curve : undefined;
  const { events, total, films } = await sourceOf(options, first, signal);
  const items = await itemsOf(options, first, films, signal);
  const progress = startProgress('events', Math.min(total, options.limit ?? total));
  try {
    const { curve: csv, ...result } = await withBackend(() =>
      evaluate({
        config,
        events,
        ...(options.limit === undefined ? {} : { limit: options.limit }),
        prequential: options.prequential,
        coldStart: options.coldStart,
        baselines,
        ...(items === undefined ? {} : { items }),
        ...(curve === undefined
          ? {}
          : { curve: { window: options.window, step: Math.floor(options.window / 5) } }),
        onProgress: (done) => progress.update(done),
        signal,
      }),
    );
    if (curve !== undefined && csv !== undefined) await writeFile(curve, csv);
    return result;
  } finally {
    progress.close();
  }
}

interface Source {
  readonly events: AsyncIterable<readonly BehaviorEvent[]> | Iterable<readonly BehaviorEvent[]>;
  /** 0: nobody has counted them. */
  readonly total: number;
  /** Of MovieLens, by item id. */
  readonly films?: MovieLens['films'];
}

/** What is known of the items, or undefined: nothing. */
async function itemsOf(
  { items: file, content, tags, strict }: EvaluateCommandOptions,
  first: boolean,
  films: MovieLens['films'] | undefined,
  signal: AbortSignal,
): Promise<readonly CatalogueItem[] | undefined> {
  if ((content && films === undefined) || (tags !== undefined && !content)) {
    const { IsthmusError } = await import('../errors.js');
    throw new IsthmusError(
      'ARGUMENT_INVALID',
      'usage',
      '--content goes with --movielens, and --tags with --content; for another catalogue there is --items FILE',
    );
  }
  if (content && films !== undefined) return filmItems(films, tags);
  if (file === undefined) return undefined;
  const { readItems } = await import('../producers/replay/items.js');
  const items: CatalogueItem[] = [];
  const onBroken = (line: number, why: string): void => {
    if (first) process.stderr.write(`${file}, line ${line}: ${why}; left out\n`);
  };
  for await (const some of readItems(file, { strict, onBroken, signal })) items.push(...some);
  return items;
}

async function filmItems(
  films: MovieLens['films'],
  tagsFile: string | undefined,
): Promise<readonly CatalogueItem[]> {
  const { filmItem, readFilmTags } = await import('../producers/replay/movielens.js');
  const tags = tagsFile === undefined ? undefined : await readFilmTags(tagsFile);
  return [...films.values()].map((film) => filmItem(film, tags?.get(film.itemId) ?? []));
}

/** @param first Whether broken rows are told: each pass meets the same. */
async function sourceOf(
  options: EvaluateCommandOptions,
  first: boolean,
  signal: AbortSignal,
): Promise<Source> {
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
    const { events, films } = await readMovieLens();
    return { events: [events], total: events.length, films };
  }
  const { readEvents } = await import('../producers/replay/events.js');
  let broken = 0;
  const onBroken = (line: number, why: string): void => {
    if (!first) return;
    broken++;
    if (broken <= 10) process.stderr.write(`${file}, line ${line}: ${why}; left out\n`);
    if (broken === 11) process.stderr.write('further broken rows are left out without a word\n');
  };
  const total = process.stderr.isTTY ? await countRows(file) : 0;
  const { strict, action } = options;
  const reading = { strict, onBroken, signal, ...(action === undefined ? {} : { action }) };
  return { events: readEvents(file, reading), total };
}
