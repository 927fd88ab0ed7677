import { describe, expect, it } from 'vitest';
import { admitted } from '../admitted.ts';
import { Deployment } from '../apps/deployment.ts';
import type { Kind, KubeObject, Shared } from '../kind.ts';
import { Ingress } from '../networking/ingress.ts';
import { AppsV1beta1Deployment } from './apps-v1beta1-deployment.ts';
import { AppsV1beta1StatefulSet } from './apps-v1beta1-stateful-set.ts';
import { AppsV1beta2Deployment } from './apps-v1beta2-deployment.ts';
import { BatchV1beta1CronJob } from './batch-v1beta1-cron-job.ts';
import { ExtensionsV1beta1DaemonSet } from './extensions-v1beta1-daemon-set.ts';
import { ExtensionsV1beta1Deployment } from './extensions-v1beta1-deployment.ts';
import { ExtensionsV1beta1Ingress } from './extensions-v1beta1-ingress.ts';
import { NetworkingV1beta1Ingress } from './networking-v1beta1-ingress.ts';
import { PolicyV1beta1PodDisruptionBudget } from './policy-v1beta1-pod-disruption-budget.ts';

const template = { metadata: { labels: { app: 'a' } }, spec: { containers: [{ name: 'c', image: 'i:1' }] } };

/** The object as the stable kind that it is stored as, with that kind's defaults. */
function stored<T extends KubeObject>(kind: Kind<T>, partial: Record<string, unknown>): KubeObject {
  const conversion = kind.storedAs!;
  const object = conversion.toStorage(admitted(kind, partial)) as KubeObject;
  conversion.kind().defaults?.(object);
  return object;
}

describe('deployments of old', () => {
  it('select the labels of their template and are stored as apps/v1', () => {
    const object = stored(ExtensionsV1beta1Deployment, { spec: { template, rollbackTo: { revision: 1 } } });
    expect(object).toMatchObject({
      apiVersion: 'apps/v1',
      metadata: { labels: { app: 'a' } },
      spec: {
        selector: { matchLabels: { app: 'a' } },
        strategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 1 } },
        progressDeadlineSeconds: 2147483647,
        revisionHistoryLimit: 2147483647,
      },
    });
    expect(object).not.toHaveProperty('spec.rollbackTo');
    expect(Deployment.validate!(object as Shared<Deployment>)).toEqual([]);
  });

  it('come back in the version that was asked for', () => {
    const object = stored(AppsV1beta1Deployment, { spec: { template } });
    expect(object).toMatchObject({ spec: { revisionHistoryLimit: 2, progressDeadlineSeconds: 600 } });
    expect(AppsV1beta1Deployment.storedAs!.fromStorage(object)).toMatchObject({
      apiVersion: 'apps/v1beta1',
      kind: 'Deployment',
    });
  });

  it('of apps/v1beta2 need a selector, as they did', () => {
    const object = stored(AppsV1beta2Deployment, { spec: { template } });
    expect(Deployment.validate!(object as Shared<Deployment>)).toEqual([
      expect.objectContaining({ path: 'spec.selector', type: 'FieldValueRequired' }),
    ]);
  });

  it.each<[Kind<never>, string]>([
    [
      ExtensionsV1beta1Deployment as never,
      'extensions/v1beta1 Deployment is deprecated in v1.8+, unavailable in v1.16+; use apps/v1 Deployment',
    ],
    [
      AppsV1beta2Deployment as never,
      'apps/v1beta2 Deployment is deprecated in v1.9+, unavailable in v1.16+; use apps/v1 Deployment',
    ],
    [
      BatchV1beta1CronJob as never,
      'batch/v1beta1 CronJob is deprecated in v1.21+, unavailable in v1.25+; use batch/v1 CronJob',
    ],
    [
      ExtensionsV1beta1Ingress as never,
      'extensions/v1beta1 Ingress is deprecated in v1.14+, unavailable in v1.22+; use networking.k8s.io/v1 Ingress',
    ],
  ])('warn: %#', (kind, warning) => expect(kind.storedAs!.warning).toBe(warning));
});

describe('other workloads of old', () => {
  it('keep the update strategy that they had', () => {
    expect(stored(ExtensionsV1beta1DaemonSet, { spec: { template, templateGeneration: 4 } })).toMatchObject({
      spec: { updateStrategy: { type: 'OnDelete' } },
    });
    expect(stored(AppsV1beta1StatefulSet, { spec: { serviceName: 's', template } })).toMatchObject({
      spec: { updateStrategy: { type: 'OnDelete' } },
    });
  });
});

describe('Ingress of v1beta1', () => {
  const spec = {
    backend: { serviceName: 'd', servicePort: 80 },
    rules: [
      { host: 'a.example', http: { paths: [{ path: '/', backend: { serviceName: 's', servicePort: 'http' } }] } },
    ],
  };

  it('has flat backends that become services', () => {
    const object = stored(NetworkingV1beta1Ingress, { spec });
    expect(object).toMatchObject({
      apiVersion: 'networking.k8s.io/v1',
      spec: {
        defaultBackend: { service: { name: 'd', port: { number: 80 } } },
        rules: [
          {
            http: {
              paths: [
                { pathType: 'ImplementationSpecific', backend: { service: { name: 's', port: { name: 'http' } } } },
              ],
            },
          },
        ],
      },
    });
    expect(Ingress.validate!(object as Shared<Ingress>)).toEqual([]);
    expect(ExtensionsV1beta1Ingress.storedAs!.fromStorage(object)).toMatchObject({
      apiVersion: 'extensions/v1beta1',
      spec,
    });
  });
});

describe('PodDisruptionBudget of v1beta1', () => {
  it('with an empty selector protects no pod, in either version', () => {
    const object = stored(PolicyV1beta1PodDisruptionBudget, { spec: { selector: {} } }) as KubeObject & {
      spec: { selector: unknown };
    };
    expect(object.spec.selector).toEqual({
      matchExpressions: [{ key: 'pdb.kubernetes.io/deprecated-v1beta1-empty-selector-match', operator: 'Exists' }],
    });
    expect(PolicyV1beta1PodDisruptionBudget.storedAs!.fromStorage(object).spec.selector).toEqual({});
  });
});
