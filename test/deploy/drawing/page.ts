import { type DashboardJson, filledIn, type PanelJson } from '../support/dashboards.js';
import type { PrometheusServer } from '../support/prometheus-server.js';
import { type Drawn, drawPanel, type Frame, type Line } from './panels.js';

/** Of Grafana's grid, in pixels: 24 columns. */
const COLUMN = 42;
const ROW = 20;
const WIDTH = 24 * COLUMN;
const POINTS = 120;

export interface Page {
  readonly html: string;
  readonly width: number;
  readonly height: number;
  /** By the title of the panel. */
  readonly panels: ReadonlyMap<string, Drawn>;
}

/**
 * A dashboard as a page: each panel where Grafana would have it, with what Prometheus answers to its
 * queries from `fromMs` to `toMs`. It is a drawing of the same queries, not Grafana's.
 */
export async function dashboardPage(
  dashboard: DashboardJson,
  server: PrometheusServer,
  values: Readonly<Record<string, string>>,
  { fromMs, toMs }: Pick<Frame, 'fromMs' | 'toMs'>,
): Promise<Page> {
  const panels = new Map<string, Drawn>();
  const parts: string[] = [];
  let height = 0;
  for (const panel of dashboard.panels) {
    const { x, y, w, h } = panel.gridPos!;
    const place = `left:${x * COLUMN}px;top:${y * ROW}px`;
    height = Math.max(height, (y + h) * ROW);
    if (panel.type === 'row') {
      parts.push(`<b style="${place}">${panel.title}</b>`);
      continue;
    }
    const lines = await answersOf(panel, server, values, fromMs, toMs);
    const drawn = drawPanel(panel, lines, { width: w * COLUMN, height: h * ROW, fromMs, toMs });
    panels.set(panel.title ?? '', drawn);
    parts.push(`<div style="${place}">${drawn.svg}</div>`);
  }
  const html = `<!doctype html><meta charset="utf-8"><title>${dashboard.title}</title><style>
body { margin: 0; background: #f4f4f4; font: 11px 'DejaVu Sans', sans-serif; color: #333 }
div, b { position: absolute } b { padding: 3px 8px; font-size: 12px }
</style>${parts.join('\n')}\n`;
  return { html, width: WIDTH, height, panels };
}

async function answersOf(
  panel: PanelJson,
  server: PrometheusServer,
  values: Readonly<Record<string, string>>,
  fromMs: number,
  toMs: number,
): Promise<Line[]> {
  const lines: Line[] = [];
  const stepSeconds = Math.max(1, (toMs - fromMs) / 1000 / POINTS);
  for (const { expr = '', legendFormat = '' } of panel.targets ?? []) {
    const series = await server.range(filledIn(expr, values), { fromMs, toMs, stepSeconds });
    for (const { metric, values: points } of series) {
      lines.push({
        name: legendFormat.replace(/\{\{(\w+)\}\}/g, (_, label: string) => metric[label] ?? ''),
        labels: metric,
        points: points
          .map(([at, value]) => [at * 1000, Number(value)] as const)
          .filter(([, value]) => Number.isFinite(value)),
      });
    }
  }
  return lines;
}
