import { DOMAIN, dashboard, HERE, lines, matrix, signedLines, TARGET } from './panels.js';

/** Mean over the window of what the counter of sums adds up, for each of the labels' values. */
function mean(stem: string, by: string, window = '1h', where = DOMAIN): string {
  return `sum by (${by}) (rate(isthmus_prequential_${stem}_sum_total{${where}}[${window}])) / sum by (${by}) (rate(isthmus_prequential_events_total{${where}}[${window}]))`;
}

const BY = 'domain, bucket';
const NAME = '{{domain}}, events before: {{bucket}}';

export const learning = dashboard(
  {
    uid: 'isthmus-learning',
    title: 'Learning',
    description: 'How good it is, for whom, and what flows from one domain to another.',
  },
  [
    {
      title: 'Quality, test-then-train, by domain and history of the user there',
      panels: [
        lines(
          {
            title: 'Log-loss',
            unit: 'plain',
            shows: 'Binary cross-entropy of the event and one sampled negative, over an hour.',
            normal: "Below 0.69 (a coin's), lower with more history.",
            otherwise: 'A climb: drift, or broken input. Overview, Errors; was a producer changed?',
          },
          [mean('logloss', BY), NAME],
        ),
        lines(
          {
            title: 'AUC',
            unit: 'plain',
            shows: 'Share of the sampled negatives that were ranked below the event.',
            normal: '0.5 is chance; 0.8 and more is usual with history.',
            otherwise:
              'At 0.5 nothing is learned there: too few events, or ids that never come again.',
          },
          [mean('auc', BY), NAME],
        ),
        lines(
          {
            title: 'HR@10',
            unit: 'share',
            shows: 'How often the event was among the first ten of the candidates.',
            normal: 'Above popularity (Overview), higher with more history.',
            otherwise: 'Runbook, IsthmusQualityBelowPopularity.',
          },
          [mean('hr10', BY), NAME],
        ),
        lines(
          {
            title: 'NDCG@10',
            unit: 'plain',
            shows: 'As HR@10, with more weight on the first places.',
            normal: 'Moves with HR@10.',
            otherwise:
              'Falls while HR@10 does not: the right items slip from the first places; see Log-loss.',
          },
          [mean('ndcg10', BY), NAME],
        ),
        lines(
          {
            title: 'Events predicted',
            unit: 'eventsPerSecond',
            shows: 'What the other panels rest on: sampled events by bucket.',
            normal: 'ISTHMUS_PREQUENTIAL_SAMPLE times the events.',
            otherwise: 'Few events in a bucket: its lines are noise; choose a longer time.',
          },
          [
            `sum by (bucket) (rate(isthmus_prequential_events_total{${DOMAIN}}[$__rate_interval]))`,
            'events before: {{bucket}}',
          ],
        ),
        lines(
          {
            title: 'Loss in training',
            unit: 'plain',
            shows: 'Mean loss over training examples, replayed ones too.',
            normal: 'Falls, then rests.',
            otherwise: 'A climb: drift, broken input or too high a learning rate.',
          },
          [
            `sum(rate(isthmus_loss_sum_total{${HERE}}[$__rate_interval])) / sum(rate(isthmus_examples_total{${HERE}}[$__rate_interval]))`,
            'mean',
          ],
          [`isthmus_loss{${HERE}}`, '{{pod}}, recent'],
        ),
        lines(
          {
            title: 'Applications side by side',
            unit: 'share',
            shows:
              'HR@10 of each chosen application, over an hour: the old one beside its successor.',
            normal: 'One line a domain; of two applications, the successor at or above the other.',
            otherwise:
              'The successor stays below once it has caught up: do not switch; docs/operations.md, Upgrades.',
          },
          [mean('hr10', 'application, domain'), '{{application}}: {{domain}}'],
        ),
      ],
    },
    {
      title: 'Transfer',
      panels: [
        matrix(
          {
            title: 'How far A has moved',
            unit: 'plain',
            shows: 'Frobenius norm of A - I, from the source (row) to the target (column).',
            normal: '0 at first; grows where the domains differ and share users, and levels off.',
            otherwise:
              'Grows without end: raise ISTHMUS_LEARNER_DENSE_L2. Stays 0: the two share no users.',
          },
          `max by (source, target) (isthmus_transfer_norm{${TARGET}})`,
          4,
        ),
        matrix(
          {
            title: 'Weight of the gate',
            unit: 'share',
            shows:
              'Mean weight that lists of the target (column) gave to the source (row), over an hour.',
            normal:
              "Columns add up to 100 %; the target's own share grows as users get known there.",
            otherwise:
              'A source near 0 everywhere does not help; its own domain at 100 %: nothing is carried over.',
          },
          `sum by (source, target) (rate(isthmus_gate_weight_sum_total{${TARGET}}[1h])) / on (target) group_left () sum by (target) (rate(isthmus_gate_lists_total{${TARGET}}[1h]))`,
          1,
        ),
        lines(
          {
            title: 'Weight of the gate over time',
            unit: 'share',
            shows: 'Mean weight by source and target in about the last 1,000 lists.',
            normal: 'Moves slowly.',
            otherwise: 'Jumps: a producer stopped, or a deployment changed the learner.',
          },
          [`avg by (source, target) (isthmus_gate_weight{${TARGET}})`, '{{source}} to {{target}}'],
        ),
        signedLines(
          {
            title: 'What transfer wins',
            unit: 'share',
            shows:
              'HR@10 less HR@10 by what the user did in the domain alone, in about the last 1,000 events of users who have been in other domains, by what they had done in the domain.',
            normal: 'Above 0 without history in the domain; about 0 with much of it.',
            otherwise:
              'Below 0: what is done in the other domains misleads; if it stays so, leave them out of the input. At 0: the domains share too few users, or A is still young.',
          },
          [
            `avg by (domain, bucket) (isthmus_transfer_gain{${DOMAIN}})`,
            '{{domain}}, {{bucket}} events',
          ],
        ),
        matrix(
          {
            title: 'Which domains lists look at',
            unit: 'plain',
            shows:
              'Whether lists of the target (column) look at what their users did in the source (row): 1 for all users, 0 where some (new in the target, or known there) do without.',
            normal: '1 everywhere, or 0 for a source that has nothing to do with the target.',
            otherwise:
              '0 where the two should help each other: What transfer wins, and whether the source is bought traffic or bots.',
          },
          `min by (source, target) (isthmus_trusted{${TARGET}})`,
          1,
        ),
        matrix(
          {
            title: 'Which mapping newcomers go through',
            unit: 'plain',
            shows:
              'For users of the source (row) who are new in the target (column): 1 the mapping that is fitted to users of both, 0 the one that learns from what comes now.',
            normal: '1, and 0 for long after a drift.',
            otherwise:
              '0 without a drift: users of both, whom the mapping is fitted to, are unlike those who come now; see What transfer wins.',
          },
          `min by (source, target) (isthmus_fitted_mapping{${TARGET}})`,
          1,
        ),
        signedLines(
          {
            title: 'Gain of a source, in standard errors',
            unit: 'plain',
            shows:
              'How much better events of the target are ranked with what was done in the source than without, in about the last 4,000 events probed.',
            normal: 'Above 0, more so for new users.',
            otherwise:
              'Below minus ISTHMUS_LEARNER_DISTRUST the source is left out until it does no more harm.',
          },
          [
            `min by (source, target, users) (isthmus_trust_standard_errors{${TARGET}})`,
            '{{source}} to {{target}}, {{users}} users',
          ],
        ),
        signedLines(
          {
            title: 'Drift',
            unit: 'share',
            shows: 'HR@10 of the last half hour minus that of the last six hours.',
            normal: 'Around 0.',
            otherwise:
              'Below for hours: tastes or the catalogue change faster than it learns, or the input broke; compare with Events by action.',
          },
          [
            `${mean('hr10', 'application, domain', '30m')} - isthmus:prequential_hr10:ratio_rate6h{application=~"$application", domain=~"$domain"}`,
            '{{domain}}',
          ],
        ),
        lines(
          {
            title: 'Drifts found',
            unit: 'count',
            shows:
              'Times in an hour that the loss in the target (seen from the source alone) went up, so that A takes larger steps for a while. A domain to itself: seen from all that is known.',
            normal: '0, or one now and then.',
            otherwise:
              'One, and HR@10 comes back: nothing to do. Many: what leads there changes all the time, or the input broke; Events by action.',
          },
          [
            `sum by (source, target) (increase(isthmus_drifts_total{${TARGET}}[1h]))`,
            '{{source}} to {{target}}',
          ],
        ),
        signedLines(
          {
            title: 'Weight of leaning',
            unit: 'plain',
            shows:
              'What popularity weighs more in scores where the latest likes of a user are e times as popular as those of others.',
            normal: 'From 0 to about 0.1 to 0.5, slowly.',
            otherwise:
              'Below 0: users who liked what is popular look for the rare; if it swings, lower ISTHMUS_LEARNER_STACK_LEARNING_RATE.',
          },
          [`avg by (domain) (isthmus_blend_leaning_weight{${DOMAIN}})`, '{{domain}}'],
        ),
        lines(
          {
            title: 'Learned weights of scores',
            unit: 'plain',
            shows:
              'What the parts of scores weigh, as multiples of what is set, by events in the domain; bucket 0 by the domain that users come from.',
            normal: 'About 0.7 to 1.4, slowly.',
            otherwise:
              'Near 0.37 or 2.7, the bounds: what is set does not suit the data; set ISTHMUS_LEARNER_BLEND_... anew.',
          },
          [
            `avg by (domain, source, bucket, part) (isthmus_blend_weight_factor{${DOMAIN}})`,
            '{{source}} {{domain}}, {{bucket}}, {{part}}',
          ],
        ),
        signedLines(
          {
            title: 'Weight of likeness',
            unit: 'plain',
            shows:
              'What likeness to the latest likes of a user weighs more than is set, by categories and by words (title, text, tags).',
            normal: '0 without content; within a few of 0 with it.',
            otherwise:
              'Far below 0: what the catalogue says there tells nothing of what users like.',
          },
          [
            `avg by (domain, kind) (isthmus_blend_likeness_weight{${DOMAIN}})`,
            '{{domain}}, {{kind}}',
          ],
        ),
        lines(
          {
            title: 'Events by action',
            unit: 'eventsPerSecond',
            shows: 'Accepted events by domain and action.',
            normal: "The producers' daily rhythm.",
            otherwise: 'An action or domain that vanished: ask its producer.',
          },
          [
            `sum by (domain, action) (rate(isthmus_events_total{${DOMAIN}, outcome="accepted"}[$__rate_interval]))`,
            '{{domain}}: {{action}}',
          ],
        ),
      ],
    },
    {
      title: 'Size',
      panels: [
        lines(
          {
            title: 'Version of the model',
            unit: 'count',
            shows: 'Events trained into the model of each process.',
            normal: 'All on one line.',
            otherwise:
              'One stays behind: Stream, Delta lag. They rest at different heights: runbook, IsthmusModelsDiffer.',
          },
          [`isthmus_model_trained_events{${HERE}}`, '{{pod}}'],
        ),
        lines(
          {
            title: 'Interest left after a day',
            unit: 'share',
            shows:
              'How much of it still counts of what somebody liked in the domain a day ago, by the half-life in force: half an hour 0 %, a day 50 %, two weeks 95 %, four months 99 %, 100 % where it never fades.',
            normal: 'Changes in the first days, then seldom.',
            otherwise:
              'Back and forth: two are as good as each other, and it does not matter which it is.',
          },
          // No half-life is exported as 0, which is as far as can be from half an hour.
          [
            `2 ^ (-1 / max by (domain) (isthmus_half_life_days{${DOMAIN}} > 0)) or 1 + max by (domain) (isthmus_half_life_days{${DOMAIN}} == 0)`,
            '{{domain}}',
          ],
        ),
        lines(
          {
            title: 'Items',
            unit: 'count',
            shows: 'Items that the model knows.',
            normal: 'The catalogue, as far as it was touched.',
            otherwise:
              'Grows without end: item ids that never come again (session ids, addresses).',
          },
          [`max by (domain) (isthmus_items{${DOMAIN}})`, '{{domain}}'],
        ),
      ],
    },
  ],
);
