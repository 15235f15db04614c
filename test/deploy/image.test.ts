import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { COMMANDS } from '../../src/cli/program.js';
import { loadConfig } from '../../src/config.js';
import { rooted, text } from './support/files.js';
import { faultsOfEnvironment, isRoute } from './support/manifests.js';

interface ComposeService {
  readonly build?: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly depends_on?: readonly string[] | Readonly<Record<string, object>>;
}

interface Compose {
  readonly services: Readonly<Record<string, ComposeService>>;
}

const dockerfile = text('Dockerfile');
const ignore = text('.dockerignore');
const compose = parse(text('docker-compose.yaml')) as Compose;
const prometheus = parse(text('deploy/prometheus/prometheus.yml')) as {
  scrape_configs: { static_configs: { targets: string[] }[] }[];
};
const port = loadConfig({}).httpPort;

function faultsOfImage(file: string, ignored: string): string[] {
  const faults: string[] = [];
  const allowed = [...ignored.matchAll(/^!(.+)$/gm)].map((match) => match[1]);
  for (const [, list] of file.matchAll(/^COPY (?!--from)(.+)$/gm)) {
    for (const path of list!.split(' ').slice(0, -1)) {
      if (!existsSync(rooted(path))) faults.push(`COPY of ${path}, which does not exist`);
      else if (!allowed.includes(path))
        faults.push(`COPY of ${path}, which .dockerignore leaves out`);
    }
  }
  const env: Record<string, string> = {};
  for (const [, pairs] of file.matchAll(/^ENV (.+)$/gm)) {
    for (const pair of pairs!.split(' ')) env[pair.split('=')[0]!] = pair.split('=')[1] ?? '';
  }
  faults.push(...faultsOfEnvironment(env));
  if (Number(/^EXPOSE (\d+)$/m.exec(file)?.[1]) !== port) faults.push('EXPOSE of another port');
  const health = /127\.0\.0\.1:(\d+)(\/\w+)/.exec(file);
  if (Number(health?.[1]) !== port || !isRoute(health?.[2] ?? '')) {
    faults.push('HEALTHCHECK asks what nobody answers');
  }
  if (!/^FROM \S+:nonroot$/m.test(file)) faults.push('it runs as root');
  return faults;
}

function faultsOfCompose({ services }: Compose): string[] {
  const faults: string[] = [];
  for (const [name, service] of Object.entries(services)) {
    for (const volume of service.volumes ?? []) {
      const [from = ''] = volume.split(':');
      if (!existsSync(rooted(from))) faults.push(`${name} mounts ${from}, which does not exist`);
    }
    const needs = service.depends_on ?? [];
    for (const other of Array.isArray(needs) ? (needs as string[]) : Object.keys(needs)) {
      if (!(other in services)) faults.push(`${name} waits for ${other}, which there is not`);
    }
    if (service.build === undefined) continue;
    faults.push(...faultsOfEnvironment(service.environment ?? {}));
    const command = service.command?.[0] ?? 'run';
    if (!COMMANDS.some((one) => one.name === command)) faults.push(`no command ${command}`);
  }
  for (const { targets } of prometheus.scrape_configs.flatMap((one) => one.static_configs)) {
    for (const target of targets) {
      const [host = '', at] = target.split(':');
      const own = services[host]?.environment?.ISTHMUS_HTTP_PORT ?? String(port);
      if (!(host in services) || at !== own) faults.push(`Prometheus scrapes ${target}`);
    }
  }
  return faults;
}

describe('the image', () => {
  it('copies what there is, and has settings, port and health check of the code', () => {
    expect(faultsOfImage(dockerfile, ignore)).toEqual([]);
  });

  it('is found out with a planted error', () => {
    const planted = (from: string, to: string): string => {
      expect(dockerfile).toContain(from);
      return faultsOfImage(dockerfile.replace(from, to), ignore).join();
    };
    expect(planted('COPY schemas', 'COPY schemata')).toMatch(/schemata, which does not exist/);
    expect(planted('COPY schemas', 'COPY docs')).toMatch(/docs, which .dockerignore leaves out/);
    expect(planted('ISTHMUS_HTTP_HOST=', 'ISTHMUS_HOST=')).toMatch(/ISTHMUS_HOST is no setting/);
    expect(planted('EXPOSE 8080', 'EXPOSE 80')).toMatch(/another port/);
    expect(planted('/healthz', '/health')).toMatch(/nobody answers/);
    expect(planted(':nonroot', ':latest')).toMatch(/root/);
  });
});

describe('the compose file', () => {
  it('mounts what there is, runs commands with settings of the code, and is scraped', () => {
    expect(faultsOfCompose(compose)).toEqual([]);
  });

  it('is found out with a planted error', () => {
    const planted = (from: string, to: string): string => {
      const json = JSON.stringify(compose);
      expect(json).toContain(from);
      return faultsOfCompose(JSON.parse(json.replace(from, to)) as Compose).join();
    };
    expect(planted('"KAFKA_BROKERS"', '"KAFKA_BROKER"')).toMatch(/KAFKA_BROKER is no setting/);
    expect(planted('"ISTHMUS_HTTP_PORT":"8080"', '"ISTHMUS_HTTP_PORT":"81"')).toMatch(/scrapes/);
    expect(planted('./deploy/prometheus/rules', './deploy/rules')).toMatch(/does not exist/);
    expect(planted('["demo"', '["show"')).toMatch(/no command show/);
    expect(planted('"depends_on":["prometheus"]', '"depends_on":["mimir"]')).toMatch(/mimir/);
  });
});
