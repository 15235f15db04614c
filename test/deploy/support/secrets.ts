import type { Container, Manifest, PodSpec } from './manifests.js';

type Volumes = NonNullable<PodSpec['volumes']>;
type Mounts = NonNullable<Container['volumeMounts']>;

/** The path of each key of a Secret that is mounted, as `secret/key`, given the paths that are asked for. */
function mountedSecrets(
  paths: readonly string[],
  volumes: Volumes,
  mounts: Mounts,
): Map<string, string> {
  const found = new Map<string, string>();
  for (const path of paths) {
    const mount = mounts.find(({ mountPath }) => path.startsWith(`${mountPath}/`));
    const secret = volumes.find(({ name }) => name === mount?.name)?.secret;
    if (mount === undefined || secret === undefined) continue;
    found.set(path, `${secret.secretName}/${path.slice(mount.mountPath.length + 1)}`);
  }
  return found;
}

/** Settings that name a file which no Secret brings. */
export function faultsOfFiles(
  env: Readonly<Record<string, string>>,
  ...where: [volumes: Volumes, mounts: Mounts]
): string[] {
  const files = Object.entries(env).filter(([name]) => name.endsWith('_FILE'));
  const mounted = mountedSecrets(
    files.map(([, path]) => path),
    ...where,
  );
  return files.flatMap(([name, path]) =>
    mounted.has(path) ? [] : [`${name} is ${path}, where no Secret is mounted`],
  );
}

/** KEDA's names of the mechanisms. */
const KEDA_SASL: Readonly<Record<string, string>> = {
  PLAIN: 'plaintext',
  'SCRAM-SHA-256': 'scram_sha256',
  'SCRAM-SHA-512': 'scram_sha512',
};

/** Where KEDA would not reach the Kafka that the pods reach, as the same user. */
export function faultsOfTrigger(
  env: Readonly<Record<string, string>>,
  manifests: readonly Manifest[],
): string[] {
  const trigger = manifests.find(({ kind }) => kind === 'ScaledObject')?.spec?.triggers?.[0];
  if (trigger === undefined) return [];
  const faults: string[] = [];
  const { metadata, authenticationRef } = trigger;
  if ((env.KAFKA_TLS === 'true') !== (metadata.tls === 'enable')) {
    faults.push('KEDA and the pods differ about TLS');
  }
  const sasl = KEDA_SASL[env.KAFKA_SASL_MECHANISM ?? ''];
  if (sasl !== metadata.sasl) faults.push(`KEDA's sasl is ${metadata.sasl}, not ${sasl}`);
  const authentication = manifests.find(
    ({ kind, metadata: { name } }) =>
      kind === 'TriggerAuthentication' && name === authenticationRef?.name,
  )?.spec;
  const { spec } = manifests.find(({ kind }) => kind === 'Deployment')?.spec?.template ?? {};
  const files = { ca: env.KAFKA_TLS_CA_FILE, password: env.KAFKA_SASL_PASSWORD_FILE };
  for (const [parameter, path] of Object.entries(files)) {
    if (path === undefined) continue;
    const mounts = spec?.containers[0]?.volumeMounts ?? [];
    const wanted = mountedSecrets([path], spec?.volumes ?? [], mounts).get(path);
    const given = authentication?.secretTargetRef?.find((one) => one.parameter === parameter);
    if (given === undefined || `${given.name}/${given.key}` !== wanted) {
      faults.push(`KEDA does not have its ${parameter} from ${wanted}`);
    }
  }
  if (env.KAFKA_SASL_USERNAME !== undefined) {
    const given = authentication?.env?.find(({ parameter }) => parameter === 'username');
    if (given?.name !== 'KAFKA_SASL_USERNAME') faults.push('KEDA is another user than the pods');
  }
  return faults;
}
