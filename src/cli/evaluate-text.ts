import type { Evaluation } from '../evaluate/evaluate.js';
import type { Figures } from '../evaluate/figures.js';
import type { SeedFigures, SeveralSeeds } from '../evaluate/seeds.js';
import type { RankMeans } from '../online/prequential-summary.js';
import { figure, percent, table } from './output.js';

/** What `evaluate` prints for people: of one pass, or means and deviations of several. */
export function textOf(result: Evaluation | SeveralSeeds): string {
  if (!('runs' in result)) {
    const { events, seconds, eventsPerSecond, backend, digest } = result;
    return [
      `${figure(events)} events in ${seconds.toFixed(1)} s (${figure(eventsPerSecond)}/s) on ${backend}`,
      ...leftOf(result),
      ...tablesOf(result, null),
      `trained events  ${figure(digest.trainedEvents)}`,
      `sha256          ${digest.sha256}`,
    ].join('\n');
  }
  const { seeds, runs, mean, deviation } = result;
  const first = runs[0]!;
  return [
    `${figure(first.events)} events with the seeds ${seeds.join(', ')} (${figure(mean.eventsPerSecond)}/s) on ${first.backend}; mean ± deviation`,
    ...leftOf(first),
    ...tablesOf(mean, deviation),
    ...runs.map(({ digest }, i) => `sha256 (${seeds[i]})  ${digest.sha256}`),
  ].join('\n');
}

function leftOf({ left }: Evaluation): string[] {
  const reasons = Object.entries(left).map(([reason, count]) => `${reason} ${figure(count)}`);
  return reasons.length === 0 ? [] : [`not learned: ${reasons.join(', ')}`];
}

function tablesOf(means: SeedFigures, deviations: SeedFigures | null): string[] {
  const { total, domains, history, items, coldStart } = means;
  const lines: string[] = [];
  const cells = (row: Figures, spread: Figures | undefined): string[] => {
    const spreads = spread === undefined ? undefined : scorersOf(spread);
    return scorersOf(row).map(([, own], i) => pair(own, spreads?.[i]?.[1]));
  };
  const add = (head: string[], right: string[], rows: string[][], names: string[]): void => {
    lines.push(table([...head, ...right, ...names], rows, [...right, ...names]));
  };
  if (total !== undefined) {
    const names = scorersOf(total).map(([name]) => name);
    const rows = domains.map((row, i) => [
      row.domain,
      figure(row.events),
      ...cells(row, deviations?.domains[i]),
    ]);
    rows.push(['all', figure(total.events), ...cells(total, deviations?.total)]);
    lines.push('HR@10 / NDCG@10 in percent');
    add(['domain'], ['events'], rows, names);
    add(
      ['events before, in the domain'],
      ['events'],
      history.map((row, i) => [
        row.bucket,
        figure(row.events),
        ...cells(row, deviations?.history[i]),
      ]),
      names,
    );
    add(
      ['events of the item before'],
      ['events'],
      items.map((row, i) => [row.bucket, figure(row.events), ...cells(row, deviations?.items[i])]),
      names,
    );
  }
  if (coldStart !== undefined && coldStart.length > 0) {
    const rows = coldStart.map((row, i) => {
      const spread = deviations?.coldStart?.[i];
      const mrr = row.mrr.toFixed(4) + (spread === undefined ? '' : ` ± ${spread.mrr.toFixed(4)}`);
      return [row.file, row.domain, figure(row.users), mrr, ...cells(row, spread)];
    });
    const names = scorersOf(coldStart[0]!).map(([name]) => name);
    add(['cold start', 'domain'], ['users', 'MRR'], rows, names);
  }
  return lines;
}

/** Ours first, then popularity, then the baselines. */
function scorersOf(row: Figures): (readonly [name: string, means: RankMeans])[] {
  const { popularityHr10: hr10, popularityNdcg10: ndcg10, baselines = {} } = row;
  const { popularity = { hr10, ndcg10 }, ...others } = baselines;
  return [['isthmus', row], ['popularity', popularity], ...Object.entries(others)];
}

/** `17.4 / 8.7`, or `17.4 ± 0.1 / 8.7 ± 0.1` */
function pair(own: RankMeans, spread: RankMeans | undefined): string {
  const one = (key: keyof RankMeans): string => {
    const plain = percent(own[key]).slice(0, -1);
    return spread === undefined ? plain : `${plain} ± ${percent(spread[key]).slice(0, -1)}`;
  };
  return `${one('hr10')} / ${one('ndcg10')}`;
}
