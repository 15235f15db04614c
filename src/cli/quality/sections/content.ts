import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Evaluation } from '../../../evaluate/evaluate.js';
import { commandsOf, markdownTable } from '../page.js';
import { Evaluator } from '../run.js';
import { cell, limitArguments, quickly, type Section } from './section.js';

const TAGS = 'ml-latest-small/tags.csv';
/** Items with fewer events than this are what content is for. */
const FEW = ['0', '1-4'];

/** What content adds for items of which little has been seen: hybrid against collaborative. */
export const content: Section = {
  name: 'content',
  needsData: false,
  async make({ options, evaluator, say }) {
    const stream = ['--movielens', '--content', ...limitArguments(options, 20_000)];
    const runs: (readonly [what: string, args: readonly string[]])[] = [
      ['collaborative', [...stream, '--set', 'mode=collaborative']],
      ['hybrid: titles and genres', stream],
    ];
    if (options.data !== undefined && existsSync(join(options.data, TAGS))) {
      runs.push(['hybrid: titles, genres and tags', [...stream, '--tags', `$D/${TAGS}`]]);
    }
    runs.push(['content alone', [...stream, '--set', 'mode=content']]);
    let buckets: readonly string[] = [];
    const rows: string[][] = [];
    for (const [what, args] of runs) {
      say(Evaluator.command(args));
      const { total, items } = await evaluator.one(args);
      buckets = items.map(({ bucket }) => bucket);
      rows.push([what, cell(total), cell(fewOf(items)), ...items.map((row) => cell(row))]);
    }
    return {
      markdown: [
        `${quickly(options)}${commandsOf(runs.map(([, args]) => Evaluator.command(args)))}`,
        markdownTable(['', 'all', 'fewer than 5', ...buckets], rows),
      ].join('\n\n'),
    };
  },
};

/** The means over items with few events, of all that were scored; undefined where there are none. */
function fewOf(items: Evaluation['items']) {
  const few = items.filter(({ bucket }) => FEW.includes(bucket));
  const events = few.reduce((sum, row) => sum + row.events, 0);
  if (events === 0) return undefined;
  const mean = (key: 'hr10' | 'ndcg10'): number =>
    few.reduce((sum, row) => sum + row[key] * row.events, 0) / events;
  return { hr10: mean('hr10'), ndcg10: mean('ndcg10') };
}
