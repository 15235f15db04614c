import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { LiveFigures, type LiveSnapshot } from '../telemetry/live.js';
import type { Logger } from '../telemetry/logger.js';
import { closeWithin, createApp, LIMITS, type Limits, listen } from './app.js';
import { ModelDigest } from './digest.js';
import { guard } from './guard.js';
import { describeRoutes } from './openapi.js';
import { addMetricsRoute, addRoutes, type MetricsSource } from './routes.js';
import type { ServiceView } from './view.js';

export interface HttpServerOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** Where `/metrics` has a port of its own, without a token; 0: any free one. */
  readonly metricsPort?: number;
  readonly view: ServiceView;
  /** What `/metrics` answers; a prom-client Registry. */
  readonly registry: MetricsSource;
  readonly logger: Logger;
  /** Figures for `/status`; left out, the server keeps its own from its start on. */
  readonly live?: { snapshot(): LiveSnapshot };
  /** What clients (and other processes) have to carry; null, the default: nothing. */
  readonly token?: string | null;
  /** So many requests may be under way at once; 0, the default: any number. */
  readonly maxRequests?: number;
  readonly limits?: Limits;
}

export interface HttpServer {
  /** As a person would type it. */
  readonly url: string;
  readonly port: number;
  /** Where `/metrics` is. */
  readonly metricsUrl: string;
  /** Takes no new requests, finishes the running ones (for a second at most), and is gone. */
  close(): Promise<void>;
}

/**
 * A server that listens.
 *
 * Errors: PORT_IN_USE (usage); HTTP_LISTEN_FAILED (usage) where the host is not this machine's or
 * the port is not ours to take.
 */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { host, port, metricsPort, view, registry, logger } = options;
  const { limits = LIMITS, token = null, maxRequests = 0 } = options;
  const { live, closeLive } = liveFigures(options);
  const app = createApp(logger, limits);
  app.addHook('onClose', async () => closeLive());
  guard(app, { token, maxRequests });
  await describeRoutes(app, { version: view.version, token: token !== null });
  addRoutes(app, { view, digest: new ModelDigest(view), live, token });
  if (metricsPort === undefined) addMetricsRoute(app, registry);
  await listen(app, host, port);
  const url = urlOf(app, host);
  if (metricsPort === undefined) {
    return { url, port: portOf(app), metricsUrl: `${url}/metrics`, close: () => closeWithin(app) };
  }
  const metrics = createApp(logger, limits);
  addMetricsRoute(metrics, registry);
  try {
    await listen(metrics, host, metricsPort);
  } catch (error) {
    await app.close();
    throw error;
  }
  return {
    url,
    port: portOf(app),
    metricsUrl: `${urlOf(metrics, host)}/metrics`,
    close: async () => {
      await Promise.all([closeWithin(app), closeWithin(metrics)]);
    },
  };
}

function liveFigures({ live, view }: HttpServerOptions) {
  if (live !== undefined) return { live, closeLive: () => undefined };
  const own = new LiveFigures(view.app);
  return { live: own, closeLive: () => own.close() };
}

function portOf(app: FastifyInstance): number {
  return (app.server.address() as AddressInfo).port;
}

function urlOf(app: FastifyInstance, host: string): string {
  return `http://${reachable(host)}:${portOf(app)}`;
}

/** The address to reach it at, from here. */
function reachable(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}
