import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { lineChart } from '../charts.js';
import { commandsOf, markdownTable } from '../page.js';
import { shiftStream } from '../shift-stream.js';
import { quickly, type Section } from './section.js';

const SCORERS = ['isthmus', 'recent', 'item-knn', 'deep', 'wide'];
/** The same without a look for drifts. */
const UNWATCHED = 'drifts not looked for';
const WINDOW = 2500;
/** Of the level before the shift: quality is back. */
const BACK = 0.95;

type Point = readonly [events: number, hr10: number];

/** A planted stream in which the way from one domain to the other changes half-way. */
export const shift: Section = {
  name: 'shift',
  needsData: false,
  async make({ options, evaluator, scratch, say }) {
    const events = options.quick ? 60_000 : 150_000;
    const at = events / 2;
    const [stream, curve] = [join(scratch, 'shift.csv'), join(scratch, 'shift-curve.csv')];
    await writeFile(stream, shiftStream(events, at, 1));
    say(`a shift at event ${at} of ${events}`);
    const baselines = SCORERS.slice(1).join(',');
    const args = ['--events', stream, '--curve', curve, '--window', String(WINDOW)];
    await evaluator.one([...args, '--baselines', baselines]);
    const watched = await readCurve(curve);
    await evaluator.one([...args, '--set', 'driftBoost=0']);
    const unwatched = await readCurve(curve);
    const [ours, ...others] = SCORERS.map((name) => ({ name, points: pointsOf(watched, name) }));
    const series = [ours!, { name: UNWATCHED, points: pointsOf(unwatched, 'isthmus') }, ...others];
    return {
      markdown: [
        `${quickly(options)}${commandsOf(['npm run quality -- --only shift'])}`,
        `${events.toLocaleString('en')} events, the shift after ${at.toLocaleString('en')}; HR@10 in percent in the domain that users come to, over the last ${WINDOW.toLocaleString('en')} events of the stream. Back: events after the shift until it is at ${100 * BACK} % of what it was before; a window reaches as far back as it is long.`,
        markdownTable(
          ['', 'before', 'lowest', 'at the end', 'back after'],
          series.map(({ name, points }) => [name, ...recovery(points, at)]),
        ),
        '![Recovery after a shift](quality/shift.svg)',
      ].join('\n\n'),
      plots: {
        'shift.svg': lineChart({
          title: 'Planted stream: HR@10 where users go, before and after the shift',
          x: 'events of the stream',
          y: 'HR@10, percent',
          series,
          mark: { x: at, label: 'shift' },
        }),
      },
    };
  },
};

async function readCurve(file: string): Promise<string[]> {
  return (await readFile(file, 'utf8')).trimEnd().split('\n');
}

function pointsOf([head = '', ...rows]: readonly string[], name: string): Point[] {
  const column = head.split(',').indexOf(name === 'isthmus' ? 'hr10' : `${name}_hr10`);
  return rows
    .map((row) => row.split(','))
    .filter(([, domain]) => domain === 'there')
    .map((row) => [Number(row[0]), 100 * Number(row[column])]);
}

/** Before, lowest, at the end, and how many events it took to be back; `–` where it never was. */
export function recovery(points: readonly Point[], shiftAt: number): string[] {
  const before = points.findLast(([events]) => events <= shiftAt)?.[1] ?? 0;
  const after = points.filter(([events]) => events > shiftAt);
  let [lowest, lowestAt] = [Number.POSITIVE_INFINITY, 0];
  for (const [events, hr10] of after) {
    if (hr10 < lowest) [lowest, lowestAt] = [hr10, events];
  }
  const end = after.at(-1)?.[1] ?? 0;
  const back =
    lowest >= BACK * before
      ? shiftAt
      : after.find(([events, hr10]) => events > lowestAt && hr10 >= BACK * before)?.[0];
  const took = back === undefined ? '–' : (back - shiftAt).toLocaleString('en');
  return [before.toFixed(1), lowest.toFixed(1), end.toFixed(1), took];
}
