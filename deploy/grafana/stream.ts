import { dashboard, HERE, lines } from './panels.js';

function quantile(q: number, metric: string, by: string): string {
  return `histogram_quantile(${q}, sum by (${by}) (rate(${metric}_bucket{${HERE}}[$__rate_interval])))`;
}

function perSecond(metric: string, by = ''): string {
  const sum = by === '' ? 'sum' : `sum by (${by})`;
  return `${sum} (rate(${metric}{${HERE}}[$__rate_interval]))`;
}

export const stream = dashboard(
  {
    uid: 'isthmus-stream',
    title: 'Stream',
    description: 'Tasks, transactions, restores, the delta log, snapshots, and the processes.',
  },
  [
    {
      title: 'Tasks and transactions',
      panels: [
        lines(
          {
            title: 'Tasks by state',
            unit: 'count',
            shows: 'Tasks of all processes in each state.',
            normal: 'All running.',
            otherwise: 'docs/operations.md, Reading GET /tasks; runbook, IsthmusTaskNotRunning.',
          },
          [`sum by (state) (isthmus_tasks{${HERE}})`, '{{state}}'],
        ),
        lines(
          {
            title: 'Task transitions',
            unit: 'perSecond',
            shows: 'Changes of state, by the new state.',
            normal: 'At rest but for starts and rebalances.',
            otherwise: 'Never at rest: pods restart, or heartbeats are late (Event loop).',
          },
          [perSecond('isthmus_task_transitions_total', 'to'), '{{to}}'],
        ),
        lines(
          {
            title: 'Transactions',
            unit: 'perSecond',
            shows: 'Transactions by outcome.',
            normal: 'About ten commits a second and task while events come.',
            otherwise: 'Runbook, IsthmusTransactionsAborting.',
          },
          [perSecond('isthmus_transactions_total', 'outcome'), '{{outcome}}'],
        ),
        lines(
          {
            title: 'Work done in vain',
            unit: 'share',
            shows: 'Share of the transactions that were aborted or fenced, over ten minutes.',
            normal: '0 but for rebalances.',
            otherwise: 'Above 5 %: runbook, IsthmusTransactionsAborting.',
          },
          [
            'isthmus:transactions_lost:ratio_rate10m{application=~"$application"}',
            '{{application}}',
          ],
        ),
        lines(
          {
            title: 'Time of each step',
            unit: 'seconds',
            shows: 'p99 of decode, learn, recommend, encode and commit.',
            normal: 'Below 0.1 s each.',
            otherwise:
              'commit: the brokers. recommend: the catalogue or CPU. learn: CPU or a slow back end.',
          },
          [quantile(0.99, 'isthmus_batch_duration_seconds', 'le, step'), '{{step}}'],
        ),
        lines(
          {
            title: 'Commit latency',
            unit: 'seconds',
            shows: 'From the end of a transaction to its answer.',
            normal: 'p99 below 0.1 s.',
            otherwise: "The brokers' disks and network, min.insync.replicas.",
          },
          [
            `histogram_quantile(0.5, sum by (le) (rate(isthmus_batch_duration_seconds_bucket{${HERE}, step="commit"}[$__rate_interval])))`,
            'p50',
          ],
          [
            `histogram_quantile(0.99, sum by (le) (rate(isthmus_batch_duration_seconds_bucket{${HERE}, step="commit"}[$__rate_interval])))`,
            'p99',
          ],
        ),
        lines(
          {
            title: 'Size of mini-batches',
            unit: 'count',
            shows: 'Events in a learned mini-batch.',
            normal: 'Small when fresh, large while catching up.',
            otherwise: 'Always full: it cannot keep up; Overview, Lag.',
          },
          [quantile(0.5, 'isthmus_batch_events', 'le'), 'p50'],
          [quantile(0.99, 'isthmus_batch_events', 'le'), 'p99'],
        ),
        lines(
          {
            title: 'Output',
            unit: 'bytesPerSecond',
            shows:
              'Bytes of all output records, and of the model deltas among them, before compression.',
            normal: 'Deltas below 1 KB an event.',
            otherwise: 'ISTHMUS_COMPRESSION=gzip; fewer target domains; a smaller dimension.',
          },
          [perSecond('isthmus_encoded_bytes_total'), 'all'],
          [perSecond('isthmus_delta_log_bytes_total'), 'deltas'],
        ),
        lines(
          {
            title: 'Trouble with the input and the group',
            unit: 'perSecond',
            shows:
              'Lost connections, misplaced events, starts from another offset, records copied by user.',
            normal: 'All 0; copied follows the input where ISTHMUS_REPARTITION is on.',
            otherwise:
              'misplaced: docs/operations.md, Input that is not keyed by user. offset reset: The committed offset is gone.',
          },
          [perSecond('isthmus_connection_losses_total'), 'connection lost'],
          [perSecond('isthmus_misplaced_events_total'), 'misplaced'],
          [perSecond('isthmus_offset_resets_total', 'policy'), 'offset reset: {{policy}}'],
          [perSecond('isthmus_repartition_records_total', 'outcome'), 'copied: {{outcome}}'],
        ),
      ],
    },
    {
      title: 'Restore, replicas and snapshots',
      panels: [
        lines(
          {
            title: 'Restore',
            unit: 'count',
            shows: 'Offsets that restores still have to read.',
            normal: '0; falls steadily after a start.',
            otherwise: 'Stands still: runbook, IsthmusRestoreStuck.',
          },
          [`isthmus_restore_remaining_records{${HERE}}`, '{{pod}}: {{what}} {{partition}}'],
        ),
        lines(
          {
            title: 'Duration of restores',
            unit: 'seconds',
            shows: 'Mean duration of all restores since the processes began, by what was restored.',
            normal: 'Seconds; grows with the log since the last snapshot.',
            otherwise:
              'Minutes: snapshots more often (ISTHMUS_SNAPSHOT_INTERVAL_MS), ISTHMUS_STANDBYS=1.',
          },
          [
            `sum by (what) (isthmus_restore_duration_seconds_sum{${HERE}}) / sum by (what) (isthmus_restore_duration_seconds_count{${HERE}})`,
            '{{what}}',
          ],
        ),
        lines(
          {
            title: 'Delta lag',
            unit: 'count',
            shows: 'Deltas of others that are there and not applied, by replica.',
            normal: "0, or a commit's worth.",
            otherwise: 'Runbook, IsthmusReplicaBehind.',
          },
          [`sum by (pod) (isthmus_delta_lag_records{${HERE}})`, '{{pod}}'],
        ),
        lines(
          {
            title: 'Age of the model',
            unit: 'seconds',
            shows: 'How old the newest applied delta is where others wait behind it, by replica.',
            normal: '0; large after a restore only.',
            otherwise: 'Runbook, IsthmusReplicaBehind.',
          },
          [`max by (pod) (isthmus_delta_lag_seconds{${HERE}})`, '{{pod}}'],
        ),
        lines(
          {
            title: 'Deltas read',
            unit: 'perSecond',
            shows: 'Records of the delta topic: own ones read back, foreign ones applied.',
            normal: 'foreign is 0 with one process.',
            otherwise:
              'own stops while transactions commit: the reader is stuck; restart the pod and report it.',
          },
          [perSecond('isthmus_delta_records_total', 'pod, origin'), '{{pod}}: {{origin}}'],
        ),
        lines(
          {
            title: 'Time spent on applying deltas',
            unit: 'share',
            shows: 'Share of a core.',
            normal: 'A few percent.',
            otherwise:
              'Above half a core: fewer, bigger processes; each applies the deltas of all others.',
          },
          [perSecond('isthmus_delta_apply_seconds_total', 'pod'), '{{pod}}'],
        ),
        lines(
          {
            title: 'Standbys',
            unit: 'count',
            shows: 'Records of the user changelog that standbys have not read.',
            normal: "0, or a commit's worth; nothing with ISTHMUS_STANDBYS=0.",
            otherwise: 'Grows: that pod has too little CPU; a takeover would take longer.',
          },
          [`sum by (pod) (isthmus_standby_lag_records{${HERE}})`, '{{pod}}'],
        ),
        lines(
          {
            title: 'Age of the snapshot',
            unit: 'seconds',
            shows: 'Age of the newest snapshot that any process knows of.',
            normal: 'Below ISTHMUS_SNAPSHOT_INTERVAL_MS while events come.',
            otherwise: 'Runbook, IsthmusSnapshotTooOld.',
          },
          [`min by (application) (isthmus_snapshot_age_seconds{${HERE}})`, '{{application}}'],
        ),
        lines(
          {
            title: 'Snapshots',
            unit: 'perSecond',
            shows: 'Snapshots by outcome, and those that could not be used, by reason.',
            normal: 'Only written, by one process.',
            otherwise:
              'failed: the log says why. Refused: `isthmus snapshots create`, and look at the brokers.',
          },
          [perSecond('isthmus_snapshots_total', 'outcome'), '{{outcome}}'],
          [perSecond('isthmus_snapshot_refused_total', 'reason'), 'refused: {{reason}}'],
        ),
        lines(
          {
            title: 'Making a snapshot',
            unit: 'seconds',
            shows: 'p99 of its duration, and of the pause in which the model is copied.',
            normal: 'Pause below 0.1 s.',
            otherwise:
              'A longer pause delays lists: smaller tables, or a rarer ISTHMUS_SNAPSHOT_INTERVAL_MS.',
          },
          [
            `histogram_quantile(0.99, sum by (le) (increase(isthmus_snapshot_duration_seconds_bucket{${HERE}}[1h])))`,
            'duration',
          ],
          [
            `histogram_quantile(0.99, sum by (le) (increase(isthmus_snapshot_pause_seconds_bucket{${HERE}}[1h])))`,
            'pause',
          ],
        ),
        lines(
          {
            title: 'Size of the snapshot',
            unit: 'bytes',
            shows: 'Bytes of the last one.',
            normal: 'About 180 bytes a row at dimension 32.',
            otherwise: 'Grows without end: Learning, Items.',
          },
          [`max by (application) (isthmus_snapshot_bytes{${HERE}})`, '{{application}}'],
        ),
      ],
    },
    {
      title: 'Processes',
      panels: [
        lines(
          {
            title: 'Event loop',
            unit: 'seconds',
            shows: 'p99 of how late the event loop is.',
            normal: 'Below 0.05 s.',
            otherwise:
              'Above 0.2 s heartbeats and lists are late: more CPU, or smaller mini-batches (ISTHMUS_MINI_BATCH, ISTHMUS_CATCH_UP_MINI_BATCH).',
          },
          [`nodejs_eventloop_lag_p99_seconds{${HERE}}`, '{{pod}}'],
        ),
        lines(
          {
            title: 'CPU',
            unit: 'share',
            shows: 'Cores that a process uses.',
            normal: 'Below its limit; above one core only with tensorflow.',
            otherwise: 'At the limit: it is throttled; more CPU or more processes.',
          },
          [perSecond('process_cpu_seconds_total', 'pod'), '{{pod}}'],
        ),
        lines(
          {
            title: 'Memory',
            unit: 'bytes',
            shows: 'Resident memory, heap in use, and buffers outside of it (the tables).',
            normal: 'Flat once the catalogue is known.',
            otherwise: 'Runbook, IsthmusMemoryNearLimit.',
          },
          [`process_resident_memory_bytes{${HERE}}`, '{{pod}}: resident'],
          [`nodejs_heap_size_used_bytes{${HERE}}`, '{{pod}}: heap'],
          [`nodejs_external_memory_bytes{${HERE}}`, '{{pod}}: outside'],
        ),
        lines(
          {
            title: 'Tables',
            unit: 'bytes',
            shows: 'Bytes that each table holds, in the largest process.',
            normal: 'Grows in steps with items and users.',
            otherwise: 'users grow: more processes. items grow: Learning, Items.',
          },
          [`max by (table) (isthmus_table_bytes{${HERE}})`, '{{table}}'],
        ),
        lines(
          {
            title: 'Users',
            unit: 'count',
            shows: 'Users whose state each process holds.',
            normal: 'Alike in all processes.',
            otherwise:
              'Uneven: partitions are not evenly dealt (fewer partitions than processes?).',
          },
          [`isthmus_users{${HERE}}`, '{{pod}}'],
        ),
        lines(
          {
            title: 'Garbage collection',
            unit: 'share',
            shows: 'Share of the time that is spent on it.',
            normal: 'Below 5 %.',
            otherwise:
              'The heap is too small: raise --max-old-space-size and the limit (docs/kubernetes.md).',
          },
          [perSecond('nodejs_gc_duration_seconds_sum', 'pod'), '{{pod}}'],
        ),
      ],
    },
  ],
);
