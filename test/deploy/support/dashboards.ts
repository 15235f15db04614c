import { readdirSync } from 'node:fs';
import { rooted, text } from './files.js';

interface Target {
  readonly refId?: string;
  readonly expr?: string;
  readonly legendFormat?: string;
}

/** As much of Grafana's JSON as the laws look at. */
export interface PanelJson {
  readonly type: string;
  readonly title?: string;
  readonly description?: string;
  readonly targets?: readonly Target[];
  readonly fieldConfig?: {
    readonly defaults?: {
      readonly unit?: string;
      readonly min?: number;
      readonly max?: number;
      readonly thresholds?: {
        readonly steps: readonly { readonly value: number | null; readonly color: string }[];
      };
    };
  };
  readonly gridPos?: {
    readonly x: number;
    readonly y: number;
    readonly w: number;
    readonly h: number;
  };
}

export interface DashboardJson {
  readonly uid: string;
  readonly title: string;
  readonly panels: readonly PanelJson[];
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly query?: unknown }[];
  };
}

const FOLDER = 'deploy/grafana/dashboards';

/** The checked-in dashboards, as Grafana would load them. */
export function checkedInDashboards(): DashboardJson[] {
  return readdirSync(rooted(FOLDER)).map(
    (file) => JSON.parse(text(`${FOLDER}/${file}`)) as DashboardJson,
  );
}

/** The panels that ask something. */
export function panelsOf(dashboard: DashboardJson): PanelJson[] {
  return dashboard.panels.filter(({ type }) => type !== 'row');
}

export function expressionsOf(panel: PanelJson): string[] {
  return (panel.targets ?? []).map(({ expr }) => expr ?? '');
}

/** What Grafana would send: variables and intervals filled in. */
export function filledIn(expr: string, values: Readonly<Record<string, string>>): string {
  return expr.replace(
    /\$(?:\{(\w+)\}|(\w+))/g,
    (whole, a?: string, b?: string) => values[a ?? b ?? ''] ?? whole,
  );
}
