import { buckets, DOMAIN, dashboard, figure, HERE, lines } from './panels.js';

const QUALITY_WINDOW = '1h';

/** Share of the predicted events, over the last hour, by the labels. */
function share(stem: string, by: string, where = DOMAIN): string {
  return `sum by (${by}) (rate(isthmus_prequential_${stem}_sum_total{${where}}[${QUALITY_WINDOW}])) / sum by (${by}) (rate(isthmus_prequential_events_total{${where}}[${QUALITY_WINDOW}]))`;
}

function freshness(quantile: number): string {
  return `histogram_quantile(${quantile}, sum by (le) (rate(isthmus_freshness_seconds_bucket{${HERE}}[$__rate_interval])))`;
}

export const overview = dashboard(
  {
    uid: 'isthmus-overview',
    title: 'Overview',
    description: 'Is it well? Begin here; Stream says why not, Learning says how good.',
  },
  [
    {
      title: 'Is it well?',
      panels: [
        figure(
          {
            title: 'Ready',
            unit: 'share',
            shows: 'Share of the processes that are ready.',
            normal: '100 %; less while one starts.',
            otherwise: 'Stream, Tasks by state and Restore; runbook, IsthmusTaskNotRunning.',
          },
          `avg(isthmus_ready{${HERE}})`,
          { yellow: 1, red: 0.7 },
        ),
        figure(
          {
            title: 'In time',
            unit: 'share',
            shows: 'Share of the lists that were committed within 1 s of their event.',
            normal: 'Above 99 %, which is the objective.',
            otherwise: 'Runbook, IsthmusFreshnessBudgetBurnsFast.',
          },
          `sum(rate(isthmus_freshness_seconds_bucket{${HERE}, le=~"1|1\\\\.0"}[$__rate_interval])) / sum(rate(isthmus_freshness_seconds_count{${HERE}}[$__rate_interval]))`,
          { yellow: 0.99, red: 0.95 },
        ),
        figure(
          {
            title: 'Waiting',
            unit: 'count',
            shows: 'Records that are produced and not learned yet.',
            normal: "Less than a second's worth.",
            otherwise: 'Runbook, IsthmusLagGrowing.',
          },
          `sum(isthmus_lag_records{${HERE}})`,
          { yellow: 1000, red: 20000 },
        ),
        figure(
          {
            title: 'Dead letters',
            unit: 'count',
            shows: 'Records that could not be used, since the processes began.',
            normal: '0.',
            otherwise: '`isthmus dlq list`; runbook, IsthmusDeadLetters.',
          },
          `sum(isthmus_dead_letters_total{${HERE}}) or sum(isthmus_ready{${HERE}}) * 0`,
          { yellow: 1, red: 100 },
        ),
        figure(
          {
            title: 'Tasks running',
            unit: 'share',
            shows: 'Share of the tasks that run.',
            normal: '100 %; less while partitions move.',
            otherwise: 'Stream, Tasks by state; runbook, IsthmusTaskNotRunning.',
          },
          `sum(isthmus_tasks{${HERE}, state="running"}) / sum(isthmus_tasks{${HERE}})`,
          { yellow: 1, red: 0.7 },
        ),
        figure(
          {
            title: 'Better than popularity',
            unit: 'share',
            shows: 'HR@10 minus that of popularity alone, over the last hour.',
            normal: 'Above 0.',
            otherwise: 'Learning; runbook, IsthmusQualityBelowPopularity.',
          },
          `sum(rate(isthmus_prequential_hr10_sum_total{${DOMAIN}}[1h]) - rate(isthmus_prequential_popularity_hr10_sum_total{${DOMAIN}}[1h])) / sum(rate(isthmus_prequential_events_total{${DOMAIN}}[1h]))`,
          { yellow: 0.01, red: 0 },
        ),
      ],
    },
    {
      title: 'Freshness and throughput',
      panels: [
        lines(
          {
            title: 'Freshness',
            unit: 'seconds',
            shows:
              'From an event to the commit of the list that rests on it: half, and 99 % of the lists.',
            normal: 'p99 below 0.2 s; seconds to hours while a backlog is worked off.',
            otherwise: 'See Lag, then Stream, Time of each step.',
          },
          [freshness(0.5), 'p50'],
          [freshness(0.99), 'p99'],
        ),
        buckets(
          {
            title: 'Freshness, all lists',
            unit: 'perSecond',
            shows: 'How many lists were how late (seconds).',
            normal: 'One dark band below 0.2 s.',
            otherwise:
              'Two bands: one process or partition is slower than the others; choose pods above.',
          },
          `sum by (le) (increase(isthmus_freshness_seconds_bucket{${HERE}}[$__rate_interval]))`,
        ),
        lines(
          {
            title: 'Burn of the freshness budget',
            unit: 'share',
            shows: 'Share of the lists that were late, over three windows.',
            normal: 'Below 1 %.',
            otherwise:
              'Above 14.4 % (1 h) or 6 % (6 h) somebody is woken: runbook, IsthmusFreshnessBudgetBurnsFast.',
          },
          ['isthmus:freshness_slow:ratio_rate5m{application=~"$application"}', '5 min'],
          ['isthmus:freshness_slow:ratio_rate1h{application=~"$application"}', '1 h'],
          ['isthmus:freshness_slow:ratio_rate6h{application=~"$application"}', '6 h'],
        ),
        lines(
          {
            title: 'Events',
            unit: 'eventsPerSecond',
            shows: 'Records read, and events by what became of them.',
            normal: 'Nearly all accepted; the rate is that of the producers.',
            otherwise:
              'Read falls while Lag grows: Stream. Refused or dead-letter grows: see Errors.',
          },
          [`sum(rate(isthmus_consumed_records_total{${HERE}}[$__rate_interval]))`, 'read'],
          [
            `sum by (outcome) (rate(isthmus_events_total{${DOMAIN}}[$__rate_interval]))`,
            '{{outcome}}',
          ],
        ),
        lines(
          {
            title: 'Lag',
            unit: 'count',
            shows: 'Records between the next offset to be committed and the end, by partition.',
            normal: "Less than a second's worth, alike in all partitions.",
            otherwise: 'Runbook, IsthmusLagGrowing.',
          },
          [`max by (topic, partition) (isthmus_lag_records{${HERE}})`, '{{topic}} {{partition}}'],
        ),
        lines(
          {
            title: 'Recommendations',
            unit: 'perSecond',
            shows: 'Lists that were made, and users for whom.',
            normal: 'Users below the events, lists about users times target domains.',
            otherwise:
              'Lists fall while events do not: ISTHMUS_LIST_INTERVAL_MS, or a backlog (only the newest event of a user is answered then).',
          },
          [`sum(rate(isthmus_recommendation_lists_total{${HERE}}[$__rate_interval]))`, 'lists'],
          [`sum(rate(isthmus_recommended_users_total{${HERE}}[$__rate_interval]))`, 'users'],
        ),
        lines(
          {
            title: 'Errors',
            unit: 'perSecond',
            shows:
              'Dead letters and refused events by reason, transactions that were lost, connections lost.',
            normal: 'A small, steady share of refused events; nothing else.',
            otherwise:
              'By reason: docs/operations.md, Dead letters. Transactions: runbook, IsthmusTransactionsAborting.',
          },
          [
            `sum by (reason) (rate(isthmus_dead_letters_total{${HERE}}[$__rate_interval]))`,
            'dead letter: {{reason}}',
          ],
          [
            `sum by (reason) (rate(isthmus_refused_events_total{${HERE}}[$__rate_interval]))`,
            'refused: {{reason}}',
          ],
          [
            `sum by (outcome) (rate(isthmus_transactions_total{${HERE}, outcome!="committed"}[$__rate_interval]))`,
            'transaction {{outcome}}',
          ],
          [
            `sum(rate(isthmus_connection_losses_total{${HERE}}[$__rate_interval]))`,
            'connection lost',
          ],
        ),
        lines(
          {
            title: 'Questions',
            unit: 'perSecond',
            shows: 'Questions about users by how they were answered.',
            normal: 'here and forwarded; the others while partitions move.',
            otherwise:
              'unavailable stays: a partition has no running task. misdirected stays: ISTHMUS_ADVERTISED_URL is wrong.',
          },
          [
            `sum by (outcome) (rate(isthmus_questions_total{${HERE}}[$__rate_interval]))`,
            '{{outcome}}',
          ],
        ),
      ],
    },
    {
      title: 'Quality',
      panels: [
        lines(
          {
            title: 'HR@10 beside popularity',
            unit: 'share',
            shows:
              'How often the next event stood among the first ten candidates, before it was learned, by domain over an hour.',
            normal: 'Each domain above its popularity.',
            otherwise: 'Runbook, IsthmusQualityBelowPopularity; Learning shows for whom.',
          },
          [share('hr10', 'domain'), '{{domain}}'],
          [share('popularity_hr10', 'domain'), '{{domain}}, popularity'],
        ),
        lines(
          {
            title: 'Cold and warm users',
            unit: 'share',
            shows:
              'HR@10 of users without history in the domain (0) and of those with more, and of popularity for the cold ones.',
            normal: 'Warm above cold, cold above popularity: that is what transfer is for.',
            otherwise: 'Cold at popularity: nothing is carried over; Learning, Transfer.',
          },
          [share('hr10', 'bucket'), 'events before: {{bucket}}'],
          [
            share('popularity_hr10', 'bucket', `${DOMAIN}, bucket="0"`),
            'events before: {{bucket}}, popularity',
          ],
        ),
      ],
    },
  ],
);
