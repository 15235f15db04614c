import { spawnSync } from 'node:child_process';
import { fastify } from 'fastify';
import { parseAllDocuments } from 'yaml';
import { loadConfig, settingNames, settingsTable } from '../../../src/config.js';
import {
  addMetricsRoute,
  addRoutes,
  type MetricsSource,
  type RouteContext,
} from '../../../src/http/routes.js';
import { rooted } from './files.js';
import { faultsOfFiles, faultsOfTrigger } from './secrets.js';

interface EnvVar {
  readonly name: string;
  readonly value?: string;
}

interface Probe {
  readonly httpGet?: { readonly path: string; readonly port: string | number };
}

export interface Container {
  readonly name: string;
  readonly env?: readonly EnvVar[];
  readonly envFrom?: readonly { readonly configMapRef?: { readonly name: string } }[];
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[];
  readonly startupProbe?: Probe;
  readonly readinessProbe?: Probe;
  readonly livenessProbe?: Probe;
  readonly lifecycle?: { readonly preStop?: { readonly sleep?: { readonly seconds: number } } };
  readonly resources: { readonly limits: Readonly<Record<string, string>> };
}

export interface PodSpec {
  readonly terminationGracePeriodSeconds: number;
  readonly enableServiceLinks?: boolean;
  readonly containers: readonly Container[];
  readonly volumes?: readonly {
    readonly name: string;
    readonly secret?: { readonly secretName: string };
  }[];
}

/** Where KEDA has a value from: a key of a Secret, or a variable of a container. */
interface AuthSource {
  readonly parameter: string;
  readonly name: string;
  readonly key?: string;
}

/** As much of a manifest as the laws look at. */
export interface Manifest {
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly data?: Readonly<Record<string, string>>;
  readonly spec?: {
    readonly replicas?: number;
    readonly maxReplicaCount?: number;
    readonly partitions?: number;
    readonly ports?: readonly { readonly name: string; readonly targetPort: string | number }[];
    readonly endpoints?: readonly { readonly port: string; readonly path: string }[];
    readonly ingress?: readonly { readonly ports: readonly { readonly port: number }[] }[];
    readonly triggers?: readonly {
      readonly metadata: Readonly<Record<string, string>>;
      readonly authenticationRef?: { readonly name: string };
    }[];
    readonly secretTargetRef?: readonly AuthSource[];
    readonly env?: readonly AuthSource[];
    readonly strategy?: { readonly rollingUpdate?: Readonly<Record<string, number>> };
    readonly template?: {
      readonly metadata: { readonly annotations?: Readonly<Record<string, string>> };
      readonly spec: PodSpec;
    };
  };
}

/** Names that are no settings of ours and mean something all the same. */
const WELL_KNOWN = new Set([
  'ISTHMUS_CONFIG',
  'NODE_ENV',
  'NODE_OPTIONS',
  'POD_IP',
  'OTEL_SERVICE_NAME',
  'OTEL_TRACES_SAMPLER',
  'OTEL_TRACES_SAMPLER_ARG',
]);

/** What is wrong with the environment of a process: unknown names, and values that stop the start. */
export function faultsOfEnvironment(env: Readonly<Record<string, string>>): string[] {
  const known = new Set(settingNames());
  const unknown = Object.keys(env).filter((name) => !known.has(name) && !WELL_KNOWN.has(name));
  const faults = unknown.map((name) => `${name} is no setting`);
  try {
    const settings = Object.entries(env).filter(([name]) => known.has(name));
    loadConfig(withSecrets(Object.fromEntries(settings)));
  } catch (error) {
    faults.push(error instanceof Error ? error.message : String(error));
  }
  return faults;
}

/** Secrets as their files would give them: those are on no machine but the pod's. */
function withSecrets(env: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).map(([name, value]) =>
      isSecretFile(name)
        ? [name.slice(0, -'_FILE'.length), 'https://secret.example.org']
        : [name, value],
    ),
  );
}

function isSecretFile(name: string): boolean {
  return settingsTable.some((row) => row.secret && `${row.env}_FILE` === name);
}

/** Whether the service answers a GET of the path. */
export function isRoute(path: string): boolean {
  const app = fastify();
  addRoutes(app, {} as RouteContext);
  addMetricsRoute(app, {} as MetricsSource);
  return app.hasRoute({ method: 'GET', url: path });
}

/** Why nothing can be rendered here; empty where it can. */
export const noKubectl =
  spawnSync('kubectl', ['version', '--client']).status === 0 ? '' : 'kubectl is not on the path';

export function rendered(overlay: string): Manifest[] {
  const { status, stdout, stderr } = spawnSync(
    'kubectl',
    ['kustomize', rooted(`deploy/k8s/overlays/${overlay}`)],
    { encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(stderr);
  return parseAllDocuments(stdout).map((document) => document.toJS() as Manifest);
}

/** The environment that the container gets, with the address of the pod filled in. */
export function environmentOf(
  container: Container,
  manifests: readonly Manifest[],
): Record<string, string> {
  const env: Record<string, string> = {};
  for (const { configMapRef } of container.envFrom ?? []) {
    if (configMapRef === undefined) continue;
    const map = manifests.find(
      ({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === configMapRef.name,
    );
    Object.assign(env, map?.data);
  }
  for (const { name, value } of container.env ?? []) {
    env[name] = (value ?? '10.0.0.7').replace('$(POD_IP)', '10.0.0.7');
  }
  return env;
}

/** Longest that a stop takes: the service's own five seconds (docs/operations.md). */
const STOP_SECONDS = 5;

/** What is wrong with the manifests of an overlay, beside what a schema can tell. */
export function faultsOf(manifests: readonly Manifest[]): string[] {
  const faults: string[] = [];
  const only = (kind: string): Manifest | undefined => manifests.find((one) => one.kind === kind);
  const pod = only('Deployment')?.spec?.template;
  const container = pod?.spec.containers.find(({ name }) => name === 'isthmus');
  if (pod === undefined || container === undefined) return ['no Deployment with our container'];

  const env = environmentOf(container, manifests);
  faults.push(...faultsOfEnvironment(env));
  const port = Number(env.ISTHMUS_HTTP_PORT ?? 8080);
  const metricsPort = Number(env.ISTHMUS_METRICS_PORT ?? port);
  const named = new Map((container.ports ?? []).map((one) => [one.name, one.containerPort]));
  const portOf = (to: string | number): number => named.get(String(to)) ?? Number(to);
  const isOurs = (to: string | number): boolean => portOf(to) === port;

  for (const kind of ['startupProbe', 'readinessProbe', 'livenessProbe'] as const) {
    const get = container[kind]?.httpGet;
    if (get === undefined) faults.push(`no ${kind}`);
    else if (!isOurs(get.port)) faults.push(`${kind} asks port ${get.port}, not ${port}`);
    else if (!isRoute(get.path)) faults.push(`${kind} asks ${get.path}, which nobody answers`);
  }
  if (container.readinessProbe?.httpGet?.path !== '/readyz') faults.push('ready is not /readyz');
  if (container.livenessProbe?.httpGet?.path !== '/healthz') faults.push('alive is not /healthz');

  const served = only('Service')?.spec?.ports ?? [];
  for (const { targetPort } of served) {
    if (![port, metricsPort].includes(portOf(targetPort))) {
      faults.push(`the Service leads to ${targetPort}`);
    }
  }
  const open = (only('NetworkPolicy')?.spec?.ingress ?? []).flatMap(({ ports }) => ports);
  for (const wanted of new Set([port, metricsPort])) {
    if (!open.some((one) => one.port === wanted)) faults.push(`the NetworkPolicy closes ${wanted}`);
  }
  const scraped = pod.metadata.annotations ?? {};
  const monitor = only('ServiceMonitor')?.spec?.endpoints?.[0];
  const metricsPath = monitor?.path ?? scraped['prometheus.io/path'] ?? '';
  if (!isRoute(metricsPath)) faults.push(`nobody answers metrics at "${metricsPath}"`);
  const scrapedPort =
    monitor === undefined
      ? Number(scraped['prometheus.io/port'])
      : portOf(served.find(({ name }) => name === monitor.port)?.targetPort ?? Number.NaN);
  if (scrapedPort !== metricsPort) faults.push(`scrapes go to ${scrapedPort}, not ${metricsPort}`);
  faults.push(...faultsOfFiles(env, pod.spec.volumes ?? [], container.volumeMounts ?? []));
  if (!env.ISTHMUS_ADVERTISED_URL?.endsWith(`:${port}`)) faults.push('others are sent elsewhere');

  const heap = Number(/--max-old-space-size=(\d+)/.exec(env.NODE_OPTIONS ?? '')?.[1] ?? 0);
  const limit = mebibytes(container.resources.limits.memory ?? '');
  if (heap !== limit / 2) faults.push(`the heap is ${heap} MiB, half of the limit ${limit / 2}`);

  if (pod.spec.enableServiceLinks !== false) {
    faults.push('the Service gives the pod ISTHMUS_SERVICE_HOST, which is no setting');
  }
  const pause = container.lifecycle?.preStop?.sleep?.seconds ?? 0;
  if (pod.spec.terminationGracePeriodSeconds < pause + 2 * STOP_SECONDS) {
    faults.push('the grace is too short for a stop');
  }
  const { maxSurge, maxUnavailable } = only('Deployment')?.spec?.strategy?.rollingUpdate ?? {};
  if (maxSurge !== 1 || maxUnavailable !== 0) faults.push('an update may stop two owners at once');

  const scaled = only('ScaledObject')?.spec;
  if (scaled !== undefined && only('Deployment')?.spec?.replicas !== undefined) {
    faults.push('KEDA and the Deployment both say how many');
  }
  faults.push(...faultsOfTrigger(env, manifests));
  const input = manifests.find(({ metadata }) => metadata.name === env.ISTHMUS_INPUT_TOPIC)?.spec;
  if (scaled !== undefined && input !== undefined && scaled.maxReplicaCount !== input.partitions) {
    faults.push(`up to ${scaled.maxReplicaCount} processes for ${input.partitions} partitions`);
  }
  return faults;
}

function mebibytes(quantity: string): number {
  const [, figure, unit] = /^(\d+)(Mi|Gi)$/.exec(quantity) ?? [];
  return Number(figure) * (unit === 'Gi' ? 1024 : 1);
}
