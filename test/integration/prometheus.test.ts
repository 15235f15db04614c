import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MemoryLog, MemoryTransport } from '../../src/transport/memory/index.js';
import { chromium, takePicture } from '../deploy/drawing/chromium.js';
import { dashboardPage } from '../deploy/drawing/page.js';
import {
  checkedInDashboards,
  expressionsOf,
  filledIn,
  panelsOf,
} from '../deploy/support/dashboards.js';
import { FOREIGN_METRICS } from '../deploy/support/exported.js';
import { allRules, RULE_FILES, rooted } from '../deploy/support/files.js';
import {
  PrometheusServer,
  type PrometheusTools,
  prometheusTools,
} from '../deploy/support/prometheus-server.js';
import { metricsOf, selectorsOf } from '../deploy/support/promql.js';
import { produceEvents, type Replica, settled, startReplica } from '../support/replicas.js';
import { createTopics, testConfig, until } from '../support/service.js';

const found = await prometheusTools();
if (typeof found === 'string') console.warn(`no expression was evaluated: ${found}`);

const PARTITIONS = 4;

/** What Grafana would fill in. */
const VALUES = {
  application: 'shop',
  pod: '.*',
  domain: '.*',
  __rate_interval: '10s',
  __range: '1m',
};

/** Where pictures go (`npm run pictures`), after so long a time of load; none are taken without it. */
const PICTURES = process.env.ISTHMUS_PICTURES ?? '';
const PICTURED_MS = 240_000;

/** What a stream that is well has nothing of, and why. */
const EMPTY_WHEN_WELL: ReadonlyMap<string, string> = new Map([
  ['isthmus_refused_events_total', 'the load holds neither bots nor duplicates'],
  ...[...FOREIGN_METRICS.keys()].map((name) => [name, 'it is not ours'] as const),
]);

describe.skipIf(typeof found === 'string')('two processes under load and a real Prometheus', () => {
  const log = new MemoryLog();
  const config = testConfig({
    ISTHMUS_APP_ID: 'shop',
    ISTHMUS_STANDBYS: '1',
    ISTHMUS_PREQUENTIAL_SAMPLE: '1',
    ISTHMUS_SNAPSHOT_INTERVAL_MS: '500',
  });
  const replicas: Replica[] = [];
  let server: PrometheusServer;
  let folder: string;
  let load: Promise<void>;
  let loaded = false;
  let beginMs: number;

  beforeAll(async () => {
    const transport = new MemoryTransport(log);
    await createTopics(transport, config, PARTITIONS);
    for (let i = 0; i < 2; i++) replicas.push(await startReplica(log, config));
    await settled(replicas, PARTITIONS);
    // Under load the model never rests: it is hashed where somebody asks for it.
    for (const { service } of replicas) await (await fetch(`${service.url}/model`)).text();
    folder = await mkdtemp(join(tmpdir(), 'isthmus-prometheus-'));
    const file = join(folder, 'prometheus.yml');
    await writeFile(file, scrapeConfig(replicas));
    server = await PrometheusServer.start(found as PrometheusTools, file);
    beginMs = Date.now();
    load = (async () => {
      for (let from = 0; !loaded; from += 40) {
        // New users come all the time, or nobody would be cold any more.
        await produceEvents(transport, config.inputTopic, 40, { from, users: 30 + from / 2 });
        if (from % 800 === 0) await spoil(transport, config.inputTopic);
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    })();
    // Rates need two scrapes, and what is recorded out of what is recorded two evaluations more.
    const stays = 'count_over_time(isthmus_ready[5m]) > 8 and on () count(isthmus:lag_records:sum)';
    await until(
      async () => (await server.query(stays)).length === 2,
      'Prometheus has seen both processes eight times',
      80_000,
    );
  }, 120_000);

  afterAll(async () => {
    loaded = true;
    await load;
    await server?.stop();
    await Promise.all(replicas.map((replica) => replica.close()));
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  });

  /** The expressions that have no answer, or 0/0 alone, as `where: expression`, but for those on the list. */
  async function unanswered(asked: readonly { where: string; expr: string }[]): Promise<string[]> {
    const empty: string[] = [];
    const used = new Set<string>();
    for (const { where, expr } of asked) {
      const samples = await server.query(expr);
      if (samples.some(({ value }) => value[1] !== 'NaN')) continue;
      const known = metricsOf(expr).find((name) => EMPTY_WHEN_WELL.has(name));
      if (known === undefined) empty.push(`${where}: ${expr}`);
      else used.add(`${where}: ${expr} (${EMPTY_WHEN_WELL.get(known)})`);
    }
    if (used.size > 0) console.info(`empty, as is known:\n${[...used].join('\n')}`);
    return empty;
  }

  test('answer every panel of every dashboard', async () => {
    const asked = checkedInDashboards().flatMap((dashboard) =>
      panelsOf(dashboard).flatMap((panel) =>
        expressionsOf(panel).map((expr) => ({
          where: `${dashboard.title}, ${panel.title}`,
          expr: filledIn(expr, VALUES),
        })),
      ),
    );
    expect(asked.length).toBeGreaterThan(60);
    expect(await unanswered(asked)).toEqual([]);
  });

  test('answer every recording rule, and every series that an alert looks at', async () => {
    const asked = allRules().flatMap(({ record, alert, expr }) =>
      record === undefined
        ? selectorsOf(expr).map((selector) => ({ where: alert ?? '', expr: selector }))
        : [{ where: record, expr }],
    );
    expect(await unanswered(asked)).toEqual([]);
  });

  test('have no alert but for the dead letters that were written on purpose', async () => {
    for (const { alert, expr } of allRules()) {
      // A rule that records and alerts in one would be an error of Prometheus's already.
      if (alert === undefined) continue;
      const samples = await server.query(expr);
      if (alert === 'IsthmusDeadLetters') expect(samples.length, alert).toBeGreaterThan(0);
      // Where others want the cores, lists may be late indeed.
      else if (alert.startsWith('IsthmusFreshness')) continue;
      else expect(samples, alert).toEqual([]);
    }
  });

  test(
    'have something to draw in every panel',
    async () => {
      if (PICTURES !== '') {
        const left = beginMs + PICTURED_MS - Date.now();
        await new Promise((resolve) => setTimeout(resolve, left));
      }
      const time = { fromMs: beginMs, toMs: Date.now() };
      for (const dashboard of checkedInDashboards()) {
        const page = await dashboardPage(dashboard, server, VALUES, time);
        const frames = [...page.panels].filter(([, { marks }]) => marks === 0);
        expect(frames.map(([title]) => title)).toEqual([]);
        expect(page.panels.size).toBe(panelsOf(dashboard).length);
        if (PICTURES === '') continue;
        await mkdir(PICTURES, { recursive: true });
        const name = dashboard.uid.replace('isthmus-', '');
        takePicture(browser(), page, join(PICTURES, `${name}.png`));
      }
    },
    60_000 + PICTURED_MS,
  );

  test('are found out where a panel would stay empty', async () => {
    const [dashboard] = checkedInDashboards();
    const planted = JSON.parse(
      JSON.stringify(dashboard).replaceAll('isthmus_', 'isthmus_not_'),
    ) as typeof dashboard;
    const time = { fromMs: beginMs, toMs: Date.now() };
    const { panels } = await dashboardPage(planted!, server, VALUES, time);
    expect(Math.max(...[...panels.values()].map(({ marks }) => marks))).toBe(0);
  });

  test('fail the test where an expression is wrong or has no answer', async () => {
    await expect(server.query('sum by (')).rejects.toThrow(/parse error/);
    const empty = await unanswered([{ where: 'planted', expr: 'isthmus_nothing' }]);
    expect(empty).toEqual(['planted: isthmus_nothing']);
  });
});

function browser(): string {
  const found = chromium();
  if (found === undefined) {
    throw new Error(
      'No Chromium is on the path nor named by CHROMIUM (Debian: apt-get install chromium-headless-shell)',
    );
  }
  return found;
}

async function spoil(transport: MemoryTransport, topic: string): Promise<void> {
  const producer = await transport.producer();
  await producer.send([{ topic, key: 'u1', value: Buffer.from('no event') }]);
  await producer.close();
}

function scrapeConfig(replicas: readonly Replica[]): string {
  const targets = replicas.map(
    ({ service }, i) => `      - targets: ['${new URL(service.url).host}']
        labels: { application: shop, pod: isthmus-${i} }`,
  );
  return `global: { scrape_interval: 1s, evaluation_interval: 1s }
rule_files: [${RULE_FILES.map((file) => `'${rooted(file)}'`).join(', ')}]
scrape_configs:
  - job_name: isthmus
    static_configs:
${targets.join('\n')}
`;
}
