import { describe, expect, it } from 'vitest';
import type { Shared } from '../../api/kind.ts';
import type { Container, Pod, Service } from '../../api/types/core-v1.ts';
import { type EnvironmentSources, makeEnvironment, serviceVariables } from './environment.ts';

const service = (namespace: string, name: string, spec: object) =>
  ({ metadata: { namespace, name }, spec }) as unknown as Shared<Service>;
const kubernetes = service('default', 'kubernetes', { clusterIP: '10.96.0.1', ports: [{ name: 'https', port: 443 }] });
const db = service('shop', 'my-db', {
  clusterIP: '10.96.0.7',
  ports: [{ port: 5432 }, { name: 'admin', port: 80, protocol: 'UDP' }],
});
const headless = service('shop', 'peers', { clusterIP: 'None', ports: [{ port: 1 }] });

describe('variables of services', () => {
  it('have the docker-links form too', () => {
    expect(Object.fromEntries(serviceVariables([kubernetes, db, headless], 'shop', true))).toMatchObject({
      KUBERNETES_SERVICE_HOST: '10.96.0.1',
      KUBERNETES_SERVICE_PORT_HTTPS: '443',
      MY_DB_SERVICE_HOST: '10.96.0.7',
      MY_DB_SERVICE_PORT: '5432',
      MY_DB_SERVICE_PORT_ADMIN: '80',
      MY_DB_PORT: 'tcp://10.96.0.7:5432',
      MY_DB_PORT_5432_TCP_ADDR: '10.96.0.7',
      MY_DB_PORT_80_UDP: 'udp://10.96.0.7:80',
    });
    expect(serviceVariables([headless], 'shop', true).size).toBe(0);
  });

  it('are those of the API server alone without service links', () => {
    const names = [...serviceVariables([kubernetes, db], 'shop', false).keys()];
    expect(names.every((name) => name.startsWith('KUBERNETES_'))).toBe(true);
    expect(names).toContain('KUBERNETES_SERVICE_HOST');
  });
});

describe('the environment of a container', () => {
  const pod = {
    metadata: { name: 'p', namespace: 'shop', uid: 'u' },
    spec: { containers: [] },
    status: {},
  } as unknown as Shared<Pod>;
  const sources: EnvironmentSources = {
    configMap: async (_, name) => (name === 'conf' ? ({ data: { a: '1', b: '2' } } as never) : undefined),
    secret: async (_, name) =>
      name === 'word' ? ({ data: { key: Buffer.from('ünï').toString('base64') } } as never) : undefined,
    services: [kubernetes],
    facts: { podIps: ['10.0.0.2'], hostIps: ['192.0.2.1'], nodeName: 'n' },
    allocatable: {},
  };
  const make = async (container: Partial<Container>) =>
    Object.fromEntries(await makeEnvironment(pod, { name: 'c', resources: {}, ...container } as Container, sources));

  it('takes env over envFrom over services, and lets later ones refer to earlier ones', async () => {
    const env = await make({
      envFrom: [{ prefix: 'X_', configMapRef: { name: 'conf' } }, { configMapRef: { name: 'conf' } }],
      env: [
        { name: 'a', value: 'own' },
        { name: 'joined', value: '$(a)-$(X_b)-$(KUBERNETES_SERVICE_PORT)-$(later)' },
        { name: 'later', value: 'x' },
        { name: 'KUBERNETES_SERVICE_HOST', value: 'mine' },
      ],
    });
    expect(env).toMatchObject({
      X_a: '1',
      X_b: '2',
      a: 'own',
      b: '2',
      joined: 'own-2-443-$(later)',
      KUBERNETES_SERVICE_HOST: 'mine',
    });
  });

  it('decodes secrets', async () => {
    expect(
      await make({ env: [{ name: 'S', valueFrom: { secretKeyRef: { name: 'word', key: 'key' } } }] }),
    ).toMatchObject({ S: 'ünï' });
  });

  it.each([
    [{ envFrom: [{ configMapRef: { name: 'none' } }] }, 'configmap "none" not found'],
    [{ envFrom: [{ secretRef: { name: 'none' } }] }, 'secret "none" not found'],
    [
      { env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'conf', key: 'z' } } }] },
      "couldn't find key z in ConfigMap shop/conf",
    ],
    [
      { env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 'word', key: 'z' } } }] },
      "couldn't find key z in Secret shop/word",
    ],
    [{ env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath: 'spec.nope' } } }] }, 'unsupported fieldPath: spec.nope'],
  ])('says what is missing in %j', async (container, message) => {
    await expect(make(container as never)).rejects.toThrow(message);
  });

  it('leaves out what is optional and missing', async () => {
    const env = await make({
      envFrom: [{ configMapRef: { name: 'none', optional: true } }],
      env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'conf', key: 'z', optional: true } } }],
    });
    expect('A' in env).toBe(false);
  });
});
