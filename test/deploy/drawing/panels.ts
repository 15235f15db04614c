import { scaleLinear, scaleTime } from 'd3-scale';
import { line } from 'd3-shape';
import { COLOURS } from '../../../src/cli/quality/charts.js';
import type { PanelJson } from '../support/dashboards.js';
import { inUnit } from './units.js';

export interface Drawn {
  readonly svg: string;
  /** Values that the picture shows; 0: an empty frame. */
  readonly marks: number;
}

/** A query's series over time: [milliseconds, value], only finite ones. */
export interface Line {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly points: readonly (readonly [ms: number, value: number])[];
}

export interface Frame {
  readonly width: number;
  readonly height: number;
  readonly fromMs: number;
  readonly toMs: number;
}

const LEFT = 62;
const TOP = 22;
const LEGEND = 16;
const INK = '#333333';

/** The panel with what Prometheus answered, as SVG of the frame's size in pixels. */
export function drawPanel(panel: PanelJson, lines: readonly Line[], frame: Frame): Drawn {
  const found = lines.filter(({ points }) => points.length > 0);
  const draw = { stat: drawFigure, heatmap: drawBuckets, table: drawMatrix }[panel.type];
  const { parts, marks } =
    found.length === 0
      ? { parts: [words(frame.width / 2, frame.height / 2, 'no data', 'middle')], marks: 0 }
      : (draw ?? drawLines)(panel, found, frame);
  const { width, height } = frame;
  const svg = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" role="img">`,
    `<rect x="1.5" y="1.5" width="${width - 3}" height="${height - 3}" fill="#fff" stroke="#ddd"/>`,
    ...parts,
    words(8, 15, panel.title ?? '', 'start', 'font-weight="bold"'),
    '</svg>',
  ];
  return { svg: svg.join(''), marks };
}

interface Parts {
  readonly parts: readonly string[];
  readonly marks: number;
}

function drawLines(panel: PanelJson, lines: readonly Line[], frame: Frame): Parts {
  const { width, height, fromMs, toMs } = frame;
  const { unit = '', min } = panel.fieldConfig?.defaults ?? {};
  const values = lines.flatMap(({ points }) => points.map(([, value]) => value));
  const lowest = Math.min(...values, min ?? Number.POSITIVE_INFINITY);
  const highest = Math.max(...values);
  const up = scaleLinear(
    [lowest, highest > lowest ? highest : lowest + 1],
    [height - 20 - LEGEND, TOP + 6],
  ).nice(4);
  const across = scaleTime([fromMs, toMs], [LEFT, width - 12]);
  const parts = up.ticks(4).flatMap((tick) => ruled(up(tick), width, inUnit(tick, unit)));
  for (const tick of across.ticks(5)) {
    parts.push(words(across(tick), height - 8 - LEGEND, clock(tick), 'middle'));
  }
  const path = line<readonly [number, number]>(
    ([at]) => across(at),
    ([, value]) => up(value),
  ).digits(1);
  for (const [i, { points }] of lines.entries()) {
    parts.push(`<path d="${path(points) ?? ''}" fill="none" stroke="${colour(i)}"/>`);
  }
  return { parts: [...parts, ...legend(lines, frame)], marks: values.length };
}

/** The last value, on the colour of its bound. */
function drawFigure(panel: PanelJson, [line]: readonly Line[], { width, height }: Frame): Parts {
  const { unit = '', thresholds } = panel.fieldConfig?.defaults ?? {};
  const value = line!.points.at(-1)![1];
  const reached = (thresholds?.steps ?? []).filter((step) => value >= (step.value ?? -Infinity));
  const fill = FIGURES[reached.at(-1)?.color ?? ''] ?? '#ffffff';
  return {
    parts: [
      `<rect x="2" y="2" width="${width - 4}" height="${height - 4}" fill="${fill}"/>`,
      words(width / 2, height / 2 + 16, inUnit(value, unit), 'middle', 'font-size="22"'),
    ],
    marks: 1,
  };
}

const FIGURES: Readonly<Record<string, string>> = {
  green: '#b7e1c4',
  yellow: '#fbe6a2',
  red: '#f4b6b0',
};

/** Cumulative buckets, told apart: the darker, the more fell into one in that time. */
function drawBuckets(_: PanelJson, lines: readonly Line[], frame: Frame): Parts {
  const { width, height, fromMs, toMs } = frame;
  const rows = [...lines].sort((a, b) => boundOf(a) - boundOf(b));
  const across = scaleTime([fromMs, toMs], [LEFT, width - 12]);
  const tall = (height - TOP - 24) / rows.length;
  const cells = rows.flatMap(({ points }, row) => {
    const below = new Map(rows[row - 1]?.points ?? []);
    return points.map(([at, value]) => ({ row, at, count: value - (below.get(at) ?? 0) }));
  });
  const filled = cells.filter(({ count }) => count > 0);
  const most = Math.max(...filled.map(({ count }) => count), 1e-9);
  const wide = (width - 12 - LEFT) / new Set(cells.map(({ at }) => at)).size;
  const parts = filled.map(({ row, at, count }) => {
    const y = height - 20 - (row + 1) * tall;
    const shade = (0.15 + (0.85 * count) / most).toFixed(2);
    const size = `width="${(wide + 0.5).toFixed(1)}" height="${(tall - 0.5).toFixed(1)}"`;
    return `<rect x="${across(at).toFixed(1)}" y="${y.toFixed(1)}" ${size} fill="${colour(0)}" fill-opacity="${shade}"/>`;
  });
  for (const [row, { labels }] of rows.entries()) {
    if (row % 3 !== 0) continue;
    const name = labels.le === '+Inf' ? 'more' : `to ${inUnit(Number(labels.le), 's')}`;
    parts.push(words(LEFT - 6, height - 20 - row * tall - tall / 2 + 4, name, 'end'));
  }
  for (const tick of across.ticks(5)) {
    parts.push(words(across(tick), height - 8, clock(tick), 'middle'));
  }
  return { parts, marks: filled.length };
}

function boundOf({ labels }: Line): number {
  return labels.le === '+Inf' ? Number.POSITIVE_INFINITY : Number(labels.le);
}

/** The last values by source (down) and target (across). */
function drawMatrix(panel: PanelJson, lines: readonly Line[], { width, height }: Frame): Parts {
  const { unit = '', max = 1 } = panel.fieldConfig?.defaults ?? {};
  const names = (key: 'source' | 'target'): string[] =>
    [...new Set(lines.map(({ labels }) => labels[key] ?? ''))].sort();
  const [sources, targets] = [names('source'), names('target')];
  const wide = (width - LEFT - 20) / targets.length;
  const tall = (height - TOP - 30) / sources.length;
  const parts = lines.flatMap(({ labels, points }) => {
    const value = points.at(-1)![1];
    const x = LEFT + targets.indexOf(labels.target ?? '') * wide;
    const y = TOP + 20 + sources.indexOf(labels.source ?? '') * tall;
    const shade = Math.min(1, Math.max(0.05, value / max)).toFixed(2);
    const size = `width="${(wide - 2).toFixed(1)}" height="${(tall - 2).toFixed(1)}"`;
    return [
      `<rect x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${size} fill="${colour(0)}" fill-opacity="${shade}"/>`,
      words(x + wide / 2, y + tall / 2 + 4, inUnit(value, unit), 'middle'),
    ];
  });
  for (const [i, name] of targets.entries()) {
    parts.push(words(LEFT + (i + 0.5) * wide, TOP + 14, `to ${name}`, 'middle'));
  }
  for (const [i, name] of sources.entries()) {
    parts.push(words(LEFT - 6, TOP + 24 + (i + 0.5) * tall, name, 'end'));
  }
  return { parts, marks: lines.length };
}

function ruled(y: number, width: number, name: string): string[] {
  const at = y.toFixed(1);
  return [
    `<path d="M${LEFT},${at}H${width - 12}" stroke="#e8e8e8"/>`,
    words(LEFT - 6, y + 4, name, 'end'),
  ];
}

/** On one line, as many names as it holds. */
function legend(lines: readonly Line[], { width, height }: Frame): string[] {
  const parts: string[] = [];
  let x = LEFT;
  for (const [i, { name }] of lines.entries()) {
    const wide = 22 + 6.2 * name.length;
    if (x + wide > width - 74) {
      parts.push(words(x, height - 7, `and ${lines.length - i} more`, 'start'));
      break;
    }
    parts.push(
      `<rect x="${x.toFixed(1)}" y="${height - 15}" width="9" height="9" fill="${colour(i)}"/>`,
      words(x + 13, height - 7, name, 'start'),
    );
    x += wide;
  }
  return parts;
}

function words(x: number, y: number, text: string, anchor: string, more = ''): string {
  const place = `x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}"`;
  return `<text ${place} fill="${INK}" ${more}>${text.replace(/&/g, '&amp;').replace(/</g, '&lt;')}</text>`;
}

function clock(at: Date): string {
  return at.toISOString().slice(11, 19);
}

function colour(i: number): string {
  return COLOURS[i % COLOURS.length]!;
}
