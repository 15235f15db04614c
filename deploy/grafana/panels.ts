import type { Builder, Dataquery } from '@grafana/grafana-foundation-sdk/cog';
import { BigValueColorMode, BigValueGraphMode } from '@grafana/grafana-foundation-sdk/common';
import {
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  type Panel as PanelModel,
  QueryVariableBuilder,
  RowBuilder,
  ThresholdsConfigBuilder,
  ThresholdsMode,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { PanelBuilder as HeatmapBuilder } from '@grafana/grafana-foundation-sdk/heatmap';
import { DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as TableBuilder } from '@grafana/grafana-foundation-sdk/table';
import { PanelBuilder as TimeSeriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries';

/** Grafana's ids of the units that we use. */
export const UNITS = {
  seconds: 's',
  bytes: 'bytes',
  bytesPerSecond: 'Bps',
  share: 'percentunit',
  perSecond: 'cps',
  eventsPerSecond: 'eps',
  count: 'short',
  plain: 'none',
} as const;

interface Words {
  readonly title: string;
  /** A key of UNITS. */
  readonly unit: keyof typeof UNITS;
  /** What it shows. */
  readonly shows: string;
  /** What one sees while all is well. */
  readonly normal: string;
  /** What to do where it is not so. */
  readonly otherwise: string;
}

/** An expression and the name of its series. */
export type Query = readonly [expr: string, legend: string];

export interface Panel {
  readonly builder: Builder<PanelModel>;
}

interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

/** The series of the chosen processes. */
export const HERE = 'application=~"$application", pod=~"$pod"';
/** Those of the chosen domains. */
export const DOMAIN = `${HERE}, domain=~"$domain"`;
/** Those for the chosen target domains. */
export const TARGET = `${HERE}, target=~"$domain"`;

const SOURCE = { type: 'prometheus', uid: '$datasource' };

function describe({ shows, normal, otherwise }: Words): string {
  return `${shows}\n\n**Normal:** ${normal}\n\n**Otherwise:** ${otherwise}`;
}

function rangeQuery([expr, legend]: Query): Builder<Dataquery> {
  return new DataqueryBuilder().expr(expr).legendFormat(legend).range();
}

/** Lines over time, half the width. */
export function lines(words: Words, ...queries: readonly Query[]): Panel {
  const builder = new TimeSeriesBuilder()
    .title(words.title)
    .description(describe(words))
    .datasource(SOURCE)
    .unit(UNITS[words.unit])
    .min(0)
    .lineWidth(1)
    .fillOpacity(8)
    .height(8)
    .span(12)
    .targets(queries.map(rangeQuery));
  return { builder };
}

/** Lines that may go below zero. */
export function signedLines(words: Words, ...queries: readonly Query[]): Panel {
  const builder = new TimeSeriesBuilder()
    .title(words.title)
    .description(describe(words))
    .datasource(SOURCE)
    .unit(UNITS[words.unit])
    .lineWidth(1)
    .axisCenteredZero(true)
    .height(8)
    .span(12)
    .targets(queries.map(rangeQuery));
  return { builder };
}

/** One figure that turns yellow and red at the bounds; descending bounds mean that less is worse. */
export function figure(
  words: Words,
  expr: string,
  bounds: { readonly yellow: number; readonly red: number },
): Panel {
  const { yellow, red } = bounds;
  const steps =
    red > yellow
      ? [
          { value: null, color: 'green' },
          { value: yellow, color: 'yellow' },
          { value: red, color: 'red' },
        ]
      : [
          { value: null, color: 'red' },
          { value: red, color: 'yellow' },
          { value: yellow, color: 'green' },
        ];
  const builder = new StatBuilder()
    .title(words.title)
    .description(describe(words))
    .datasource(SOURCE)
    .unit(UNITS[words.unit])
    .colorMode(BigValueColorMode.Background)
    .graphMode(BigValueGraphMode.Area)
    .thresholds(new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps(steps))
    .height(4)
    .span(4)
    .targets([rangeQuery([expr, words.title])]);
  return { builder };
}

/** The buckets of a histogram over time. `expr` sums by `le`. */
export function buckets(words: Words, expr: string): Panel {
  const builder = new HeatmapBuilder()
    .title(words.title)
    .description(describe(words))
    .datasource(SOURCE)
    .unit(UNITS[words.unit])
    .height(8)
    .span(12)
    .targets([
      new DataqueryBuilder()
        .expr(expr)
        .legendFormat('{{le}}')
        .format(PromQueryFormat.Heatmap)
        .range(),
    ]);
  return { builder };
}

/** A matrix of source by target, coloured by value. `expr` sums by (source, target). */
export function matrix(words: Words, expr: string, max: number): Panel {
  const builder = new TableBuilder()
    .title(words.title)
    .description(describe(words))
    .datasource(SOURCE)
    .unit(UNITS[words.unit])
    .decimals(2)
    .min(0)
    .max(max)
    .thresholds(
      new ThresholdsConfigBuilder().mode(ThresholdsMode.Percentage).steps([
        { value: null, color: 'dark-blue' },
        { value: 20, color: 'blue' },
        { value: 50, color: 'green' },
        { value: 80, color: 'orange' },
      ]),
    )
    .height(9)
    .span(12)
    .targets([new DataqueryBuilder().expr(expr).format(PromQueryFormat.Table).instant()])
    .transformations([
      {
        id: 'groupingToMatrix',
        options: { rowField: 'source', columnField: 'target', valueField: 'Value' },
      },
    ])
    .overrideByFieldType('number', [
      { id: 'custom.cellOptions', value: { type: 'color-background', mode: 'basic' } },
    ]);
  return { builder };
}

/** A dashboard with the variables that all have, and links to the others. */
export function dashboard(
  name: { readonly uid: string; readonly title: string; readonly description: string },
  rows: readonly Row[],
): DashboardBuilder {
  const builder = new DashboardBuilder(`isthmus / ${name.title}`)
    .uid(name.uid)
    .description(name.description)
    .tags(['isthmus'])
    .timezone('browser')
    .tooltip(DashboardCursorSync.Crosshair)
    .time({ from: 'now-6h', to: 'now' })
    .refresh('30s')
    .link(
      new DashboardLinkBuilder('isthmus')
        .type(DashboardLinkType.Dashboards)
        .tags(['isthmus'])
        .includeVars(true)
        .keepTime(true),
    )
    .withVariable(new DatasourceVariableBuilder('datasource').label('Source').type('prometheus'))
    .withVariable(choice('application', 'label_values(isthmus_ready, application)'))
    .withVariable(choice('pod', 'label_values(isthmus_ready{application=~"$application"}, pod)'))
    .withVariable(
      choice('domain', 'label_values(isthmus_events_total{application=~"$application"}, domain)'),
    );
  for (const row of rows) {
    builder.withRow(new RowBuilder(row.title));
    for (const panel of row.panels) builder.withPanel(panel.builder);
  }
  return builder;
}

function choice(name: string, query: string): QueryVariableBuilder {
  return new QueryVariableBuilder(name)
    .label(name)
    .datasource(SOURCE)
    .query(query)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.AlphabeticalAsc)
    .multi(true)
    .includeAll(true)
    .allValue('.*')
    .current({ selected: true, text: 'All', value: '$__all' });
}
