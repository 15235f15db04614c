import type { LiveSnapshot } from '../telemetry/live.js';
import type { ModelState, ServiceView, TaskView } from './view.js';

/** Offsets stay far below 2^53, so JSON numbers hold them. */
export function taskJson(task: TaskView): Record<string, unknown> {
  return { ...task, position: task.position === null ? null : Number(task.position) };
}

export function modelJson(model: ModelState): Record<string, unknown> {
  return {
    trainedEvents: model.trainedEvents,
    sha256: model.sha256,
    deltaOffsets: model.deltaOffsets.map(Number),
  };
}

/** What the status page shows, and who else wants to watch. */
export function statusJson(
  view: ServiceView,
  figures: LiveSnapshot,
  nowMs: number,
): Record<string, unknown> {
  const { ok, reason } = view.readiness();
  return {
    app: view.app,
    version: view.version,
    ready: ok,
    reason,
    uptimeSeconds: Math.max(0, Math.round((nowMs - view.startedAtMs) / 1000)),
    backend: view.backend(),
    trainedEvents: view.trainedEvents(),
    domains: view.domains(),
    users: view.users(),
    items: view.items().reduce((sum, { rows }) => sum + rows, 0),
    tableBytes: view.tableBytes().reduce((sum, { bytes }) => sum + bytes, 0),
    figures,
    tasks: view.tasks().map(taskJson),
  };
}
