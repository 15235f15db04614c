import { authorization } from './auth.js';
import { taskJson } from './json.js';
import type { InstanceView, ServiceView } from './view.js';

/** The longest wait for another process that is asked for its tasks. */
const ANSWER_WITHIN_MS = 1_000;

interface OwnTasks {
  readonly tasks: readonly { topic: string; partition: number; state: string }[];
  readonly standbys: readonly object[];
}

/** The tasks and standbys of this process, in detail. */
export function ownTasks(view: ServiceView): Record<string, unknown> {
  const standbys = (view.standbys?.() ?? []).map((standby) => ({
    ...standby,
    position: Number(standby.position),
  }));
  return { app: view.app, tasks: view.tasks().map(taskJson), standbys };
}

/**
 * What this process has, in detail, and which process of the application has which partition, in
 * what state: as the group deals them, with the state that each process tells of itself. `moving`:
 * dealt to it, and it has no task for it (yet); `unreachable`: it does not answer.
 */
export async function allTasks(
  view: ServiceView,
  token: string | null,
): Promise<Record<string, unknown>> {
  const own = ownTasks(view);
  const instances = await Promise.all(
    (view.instances?.() ?? []).map(async (instance) => {
      const told = instance.self ? (own as unknown as OwnTasks) : await ask(instance.url, token);
      const { id, url, self } = instance;
      const standbys = told?.standbys ?? [];
      return { id, url, self, partitions: partitionsOf(instance, told), standbys };
    }),
  );
  return { ...own, instances };
}

function partitionsOf(instance: InstanceView, told: OwnTasks | null): object[] {
  const dealt = instance.partitions.map(({ topic, partition }) => {
    const task = told?.tasks.find((one) => one.topic === topic && one.partition === partition);
    return { topic, partition, state: told === null ? 'unreachable' : (task?.state ?? 'moving') };
  });
  // Tasks of the repartition step, and those that are closing.
  const others = (told?.tasks ?? [])
    .filter(
      (task) => !dealt.some((one) => one.topic === task.topic && one.partition === task.partition),
    )
    .map(({ topic, partition, state }) => ({ topic, partition, state }));
  return [...dealt, ...others];
}

async function ask(url: string, token: string | null): Promise<OwnTasks | null> {
  try {
    const response = await fetch(new URL('/tasks?scope=own', url), {
      headers: authorization(token),
      redirect: 'error',
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
    });
    const { tasks, standbys } = (await response.json()) as Partial<OwnTasks>;
    if (!response.ok || !Array.isArray(tasks)) return null;
    return { tasks, standbys: Array.isArray(standbys) ? standbys : [] };
  } catch {
    return null;
  }
}
