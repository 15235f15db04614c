import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Figures } from '../../../evaluate/figures.js';
import { barChart, lineChart } from '../charts.js';
import { commandsOf, markdownTable } from '../page.js';
import { Evaluator } from '../run.js';
import {
  BASELINES,
  cell,
  limitArguments,
  quickly,
  type Section,
  type SectionContext,
  seedArguments,
} from './section.js';

const PLOTTED = ['isthmus', ...BASELINES];

/** The shipped ratings: by domain and by history, the curve and the gain beside the baselines. */
export const movielens: Section = {
  name: 'movielens',
  needsData: false,
  async make({ options, evaluator, scratch, say }: SectionContext) {
    const args = movielensArguments(options);
    const curveFile = join(scratch, 'curve.csv');
    say(Evaluator.command(args));
    const { mean, deviation } = await evaluator.several([...args, '--curve', curveFile]);
    const head = ['events', 'isthmus', ...BASELINES];
    const cells = (row: Figures & { events: number }, spread: Figures | undefined): string[] => [
      row.events.toLocaleString('en'),
      cell(row, spread),
      ...BASELINES.map((name) => cell(row.baselines?.[name])),
    ];
    const rows = mean.domains.map((row, i) => [row.domain, ...cells(row, deviation.domains[i])]);
    rows.push(['**all**', ...cells(mean.total!, deviation.total)]);
    const history = mean.history.map((row, i) => [row.bucket, ...cells(row, deviation.history[i])]);
    const curve = curveOf(await readFile(curveFile, 'utf8'));
    const gains = ['isthmus', 'recent', 'item-knn', 'wide'].map((name) => ({
      name,
      values: mean.history.map((row) => 100 * (hrOf(row, name) - row.popularityHr10)),
    }));
    return {
      markdown: [
        `${quickly(options)}${commandsOf([Evaluator.command([...args, '--curve', 'curve.csv'])])}`,
        'By domain:',
        markdownTable(['domain', ...head], rows),
        'By events that the user had had in the domain:',
        markdownTable(['before', ...head], history),
        '![Quality over the stream](quality/curve.svg)',
        '![Gain over popularity](quality/gain.svg)',
      ].join('\n\n'),
      plots: {
        'curve.svg': lineChart({
          title: 'ml-latest-small: HR@10 of the last 5,000 events',
          x: 'events of the stream',
          y: 'HR@10, percent',
          series: curve,
        }),
        'gain.svg': barChart({
          title: 'ml-latest-small: HR@10 above popularity, by events before in the domain',
          y: 'points of HR@10',
          groups: mean.history.map(({ bucket }) => bucket),
          series: gains,
        }),
      },
    };
  },
};

/** Also of the section of peers, so that it is run once. */
export function movielensArguments(options: SectionContext['options']): string[] {
  return [
    '--movielens',
    '--baselines',
    BASELINES.join(','),
    ...limitArguments(options, 20_000),
    ...seedArguments(options),
  ];
}

function hrOf(row: Figures, name: string): number {
  return name === 'isthmus' ? row.hr10 : (row.baselines?.[name]?.hr10 ?? 0);
}

/** The lines of all domains together, in percent, from the first whole window on. */
function curveOf(csv: string) {
  const [head = '', ...lines] = csv.trimEnd().split('\n');
  const columns = head.split(',');
  const rows = lines.map((line) => line.split(',')).filter(([, domain]) => domain === '*');
  return PLOTTED.map((name) => {
    const column = columns.indexOf(name === 'isthmus' ? 'hr10' : `${name}_hr10`);
    const points = rows.map((row) => [Number(row[0]), 100 * Number(row[column])] as const);
    return { name, points: points.slice(4) };
  });
}
