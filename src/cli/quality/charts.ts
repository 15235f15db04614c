import { scaleBand, scaleLinear } from 'd3-scale';
import { line } from 'd3-shape';

/** Colours that those who see few of them can tell apart (Okabe and Ito 2008). */
export const COLOURS = [
  '#0072b2',
  '#999999',
  '#d55e00',
  '#009e73',
  '#cc79a7',
  '#e69f00',
  '#56b4e9',
];
const WIDTH = 760;
const HEIGHT = 380;
const LEFT = 56;
const RIGHT = 140;
const TOP = 40;
const BOTTOM = 52;
const INK = '#333333';

export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface LineChart {
  readonly title: string;
  readonly x: string;
  readonly y: string;
  readonly series: readonly Series[];
  /** A vertical line, with a word. */
  readonly mark?: { readonly x: number; readonly label: string };
}

export interface BarChart {
  readonly title: string;
  readonly y: string;
  readonly groups: readonly string[];
  /** A value for each group. */
  readonly series: readonly { readonly name: string; readonly values: readonly number[] }[];
}

/** Lines over a common x, as a whole SVG file. */
export function lineChart({ title, x, y, series, mark }: LineChart): string {
  const points = series.flatMap((one) => one.points);
  const across = scaleLinear(extent(points.map(([at]) => at)), [LEFT, WIDTH - RIGHT]);
  const up = scaleLinear(
    [0, Math.max(1e-9, ...points.map(([, at]) => at))],
    [HEIGHT - BOTTOM, TOP],
  ).nice();
  const path = line<readonly [number, number]>(
    ([at]) => across(at),
    ([, at]) => up(at),
  ).digits(1);
  const parts = [...ticksUp(up), ...axisNames(x, y)];
  for (const tick of across.ticks(8)) {
    parts.push(text(across(tick), HEIGHT - BOTTOM + 18, short(tick), 'middle'));
  }
  if (mark !== undefined) {
    const at = across(mark.x).toFixed(1);
    parts.push(
      `<path d="M${at},${TOP}V${HEIGHT - BOTTOM}" stroke="${INK}" stroke-dasharray="4 4"/>`,
      text(across(mark.x) + 4, TOP + 12, mark.label, 'start'),
    );
  }
  for (const [i, { points: own }] of series.entries()) {
    const width = i === 0 ? 2.5 : 1.5;
    parts.push(
      `<path d="${path(own) ?? ''}" fill="none" stroke="${colour(i)}" stroke-width="${width}"/>`,
    );
  }
  return svg(title, [...parts, ...legend(series.map(({ name }) => name))]);
}

/** Groups of bars side by side; values below 0 hang below the line. */
export function barChart({ title, y, groups, series }: BarChart): string {
  const values = series.flatMap((one) => one.values);
  const up = scaleLinear(
    [Math.min(0, ...values), Math.max(1e-9, ...values)],
    [HEIGHT - BOTTOM, TOP],
  ).nice();
  const outer = scaleBand(groups, [LEFT, WIDTH - RIGHT]).padding(0.2);
  const inner = scaleBand(
    series.map(({ name }) => name),
    [0, outer.bandwidth()],
  ).padding(0.08);
  const parts = [...ticksUp(up), ...axisNames('', y)];
  for (const [g, group] of groups.entries()) {
    const from = outer(group)!;
    parts.push(text(from + outer.bandwidth() / 2, HEIGHT - BOTTOM + 18, group, 'middle'));
    for (const [i, { name, values: own }] of series.entries()) {
      const [top, bottom] = [up(Math.max(0, own[g]!)), up(Math.min(0, own[g]!))];
      const [x, w] = [from + inner(name)!, inner.bandwidth()];
      parts.push(
        `<rect x="${x.toFixed(1)}" y="${top.toFixed(1)}" width="${w.toFixed(1)}" height="${(bottom - top).toFixed(1)}" fill="${colour(i)}"/>`,
      );
    }
  }
  parts.push(
    `<path d="M${LEFT},${up(0).toFixed(1)}H${WIDTH - RIGHT}" stroke="${INK}" stroke-width="1"/>`,
  );
  return svg(title, [...parts, ...legend(series.map(({ name }) => name))]);
}

type Linear = ReturnType<typeof scaleLinear<number, number>>;

function ticksUp(up: Linear): string[] {
  return up.ticks(6).flatMap((tick) => {
    const at = up(tick);
    return [
      `<path d="M${LEFT},${at.toFixed(1)}H${WIDTH - RIGHT}" stroke="#dddddd"/>`,
      text(LEFT - 6, at + 4, String(Number(tick.toPrecision(6))), 'end'),
    ];
  });
}

function axisNames(x: string, y: string): string[] {
  const middle = (TOP + HEIGHT - BOTTOM) / 2;
  return [
    text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12, x, 'middle'),
    `<text transform="translate(14,${middle}) rotate(-90)" text-anchor="middle">${escaped(y)}</text>`,
  ];
}

function legend(names: readonly string[]): string[] {
  return names.flatMap((name, i) => {
    const y = TOP + 10 + i * 20;
    return [
      `<rect x="${WIDTH - RIGHT + 14}" y="${y - 9}" width="12" height="12" fill="${colour(i)}"/>`,
      text(WIDTH - RIGHT + 32, y + 2, name, 'start'),
    ];
  });
}

function svg(title: string, parts: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12" fill="${INK}" role="img">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>`,
    `<text x="${LEFT}" y="22" font-size="15">${escaped(title)}</text>`,
    ...parts,
    '</svg>',
    '',
  ].join('\n');
}

function text(x: number, y: number, words: string, anchor: 'start' | 'middle' | 'end'): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}">${escaped(words)}</text>`;
}

function colour(i: number): string {
  return COLOURS[i % COLOURS.length]!;
}

function short(value: number): string {
  return value >= 1000 ? `${Number((value / 1000).toPrecision(6))}k` : String(value);
}

function extent(values: readonly number[]): [number, number] {
  return values.length === 0 ? [0, 1] : [Math.min(...values), Math.max(...values)];
}

function escaped(words: string): string {
  return words.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
