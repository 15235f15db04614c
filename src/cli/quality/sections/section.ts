import type { RankMeans } from '../../../online/prequential-summary.js';
import type { QualityOptions } from '../options.js';
import type { Evaluator } from '../run.js';

export interface SectionContext {
  readonly options: QualityOptions;
  readonly evaluator: Evaluator;
  /** A folder that goes away at the end. */
  readonly scratch: string;
  /** Tells people what is being done. */
  readonly say: (sentence: string) => void;
}

/** What a section comes to: a part of the page, and plots by the name of their file. */
export interface Made {
  readonly markdown: string;
  readonly plots?: Readonly<Record<string, string>>;
}

/** A part of docs/quality.md that can be made by itself. */
export interface Section {
  readonly name: string;
  /** Whether it wants the folder with the Amazon sets, and stays as it is without. */
  readonly needsData: boolean;
  make(context: SectionContext): Promise<Made>;
}

export const BASELINES = ['popularity', 'recent', 'item-knn', 'deep', 'wide'];

/** `17.4 / 8.7`, in percent; with a deviation `17.4 ± 0.1 / 8.7 ± 0.1`. */
export function cell(means: RankMeans | undefined, deviation?: RankMeans): string {
  if (means === undefined) return '–';
  const one = (key: keyof RankMeans): string => {
    const share = (100 * means[key]).toFixed(1);
    return deviation === undefined ? share : `${share} ± ${(100 * deviation[key]).toFixed(1)}`;
  };
  return `${one('hr10')} / ${one('ndcg10')}`;
}

/** Seeds of a table: means need more than one. */
export function seedArguments(options: QualityOptions): string[] {
  return (options.quick ? [1, 2] : [1, 2, 3]).flatMap((seed) => ['--seed', String(seed)]);
}

/** Fewer events, where it has to be quick. */
export function limitArguments(options: QualityOptions, events: number): string[] {
  return options.quick ? ['--limit', String(events)] : [];
}

export function quickly({ quick }: QualityOptions): string {
  return quick ? '**Made with `--quick`: fewer events, settings and seeds.**\n\n' : '';
}
