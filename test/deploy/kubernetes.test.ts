import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { rooted } from './support/files.js';
import { faultsOf, type Manifest, noKubectl, rendered } from './support/manifests.js';

if (noKubectl !== '') console.warn(`no overlay was rendered: ${noKubectl}`);

const overlays = readdirSync(rooted('deploy/k8s/overlays'));

describe.skipIf(noKubectl !== '')('the overlays', () => {
  for (const overlay of overlays) {
    it(`${overlay}: settings, ports, probes, heap and grace are those of the code`, () => {
      expect(faultsOf(rendered(overlay))).toEqual([]);
    });
  }

  it('production-full: KEDA, Prometheus and the pods speak of the same application', () => {
    const json = JSON.stringify(rendered('production-full'));
    for (const placeholder of ['"KAFKA_BROKERS"', '"ISTHMUS_APP_ID"', '"ISTHMUS_INPUT_TOPIC"']) {
      const asValue = json.split(`:${placeholder}`).length - 1;
      expect(asValue, `${placeholder} was not replaced`).toBe(0);
    }
    expect(json).toContain('"consumerGroup":"isthmus"');
    expect(json).toContain('"replacement":"isthmus"');
  });
});

describe.skipIf(noKubectl !== '')('a planted error is found', () => {
  const sound = JSON.stringify(noKubectl === '' ? rendered('production-full-secured') : []);

  const errors: readonly (readonly [what: string, from: string, to: string, found: RegExp])[] = [
    [
      'an unknown setting',
      '"ISTHMUS_STANDBYS"',
      '"ISTHMUS_STANDBY"',
      /ISTHMUS_STANDBY is no setting/,
    ],
    [
      'a setting out of range',
      '"ISTHMUS_STANDBYS":"1"',
      '"ISTHMUS_STANDBYS":"99"',
      /ISTHMUS_STANDBYS/,
    ],
    [
      'another name in the container',
      '"name":"NODE_OPTIONS"',
      '"name":"NODE_OPTION"',
      /NODE_OPTION is no/,
    ],
    ['a port that is not ours', '"containerPort":8080', '"containerPort":8081', /asks port http/],
    ['a probe of another path', '"path":"/readyz"', '"path":"/ready"', /\/ready, which nobody/],
    [
      'metrics on another port',
      '"ISTHMUS_METRICS_PORT":"9464"',
      '"ISTHMUS_METRICS_PORT":"9465"',
      /scrapes go to 9464, not 9465/,
    ],
    ['scrapes with a token', '"port":"metrics"', '"port":"http"', /scrapes go to 8080, not 9464/],
    ['metrics at another path', '"path":"/metrics"', '"path":"/metric"', /nobody answers metrics/],
    [
      'a closed port',
      '"ports":[{"port":8080',
      '"ports":[{"port":9000',
      /NetworkPolicy closes 8080/,
    ],
    [
      'closed metrics',
      '"ports":[{"port":9464',
      '"ports":[{"port":9000',
      /NetworkPolicy closes 9464/,
    ],
    [
      'a file that is not there',
      '"/etc/isthmus/http/token"',
      '"/etc/isthmus/token"',
      /HTTP_TOKEN_FILE is \/etc\/isthmus\/token, where no Secret/,
    ],
    ['KEDA without TLS', '"tls":"enable"', '"tls":"disable"', /differ about TLS/],
    ['KEDA by another mechanism', '"scram_sha512"', '"plaintext"', /sasl is plaintext, not scram/],
    [
      'KEDA with another password',
      '"secretTargetRef":[{"key":"ca.crt","name":"isthmus-kafka","parameter":"ca"},{"key":"password"',
      '"secretTargetRef":[{"key":"ca.crt","name":"isthmus-kafka","parameter":"ca"},{"key":"pass"',
      /KEDA does not have its password from isthmus-kafka\/password/,
    ],
    [
      'KEDA as another user',
      '"name":"KAFKA_SASL_USERNAME"',
      '"name":"KAFKA_USERNAME"',
      /another user/,
    ],
    [
      'KEDA without its TriggerAuthentication',
      '"kind":"TriggerAuthentication"',
      '"kind":"ClusterTriggerAuthentication"',
      /KEDA does not have its ca/,
    ],
    ['a service to another port', '"targetPort":"http"', '"targetPort":9', /Service leads to 9/],
    ['a limit without its heap', '"memory":"2Gi"', '"memory":"4Gi"', /the heap is 1024 MiB/],
    [
      'a short grace',
      '"terminationGracePeriodSeconds":30',
      '"terminationGracePeriodSeconds":5',
      /grace/,
    ],
    [
      'variables of a Service',
      '"enableServiceLinks":false',
      '"enableServiceLinks":true',
      /no setting/,
    ],
    ['a faster update', '"maxUnavailable":0', '"maxUnavailable":1', /two owners/],
    [
      'more processes than partitions',
      '"maxReplicaCount":12',
      '"maxReplicaCount":24',
      /24 processes for 12/,
    ],
    ['an address of another port', '$(POD_IP):8080', '$(POD_IP):80', /sent elsewhere/],
  ];
  for (const [what, from, to, found] of errors) {
    it(`: ${what}`, () => {
      expect(sound).toContain(from);
      const broken = JSON.parse(sound.replaceAll(from, to)) as Manifest[];
      expect(faultsOf(broken).join('\n')).toMatch(found);
    });
  }
});
