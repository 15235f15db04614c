import { table } from '../output.js';

/** One measured figure. `ratio` is value / the peer's value, both measured in the same run. */
export interface Figure {
  /** `bench.what.of-what` */
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly ratio?: number;
  /** What the ratio is against. */
  readonly against?: string;
}

/** Takes the figures of a bench as they are found. */
export type Report = (figure: Figure) => void;

/** Returns the figure with its numbers at four significant digits: the rest is noise. */
export function rounded(figure: Figure): Figure {
  const { name, value, unit, ratio, against } = figure;
  return {
    name,
    value: significant(value),
    unit,
    ...(ratio === undefined ? {} : { ratio: significant(ratio) }),
    ...(against === undefined ? {} : { against }),
  };
}

/** Returns the line of `--json`. */
export function jsonLine(figure: Figure): string {
  return JSON.stringify(rounded(figure));
}

/** Returns the table of one bench for people. */
export function figureTable(figures: readonly Figure[]): string {
  const rows = figures.map((figure) => {
    const { name, value, unit, ratio, against } = rounded(figure);
    const peer = ratio === undefined ? '' : `${ratio} x ${against ?? ''}`;
    return [name, readable(value), unit, peer];
  });
  return table(['figure', 'value', 'unit', 'against'], rows, ['value']);
}

function significant(value: number): number {
  return Number(value.toPrecision(4));
}

function readable(value: number): string {
  return Math.abs(value) >= 1000 ? Math.round(value).toLocaleString('en') : String(value);
}
