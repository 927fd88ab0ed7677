import { describe, expect, it } from 'vitest';
import { ValidatingWebhookConfiguration } from './admissionregistration/validating-webhook-configuration.ts';
import { admitted, createProblems, updateProblems } from './admitted.ts';
import { Deployment } from './apps/deployment.ts';
import { StatefulSet } from './apps/stateful-set.ts';
import { HorizontalPodAutoscaler } from './autoscaling/horizontal-pod-autoscaler.ts';
import { CronJob } from './batch/cron-job.ts';
import { Job } from './batch/job.ts';
import { PersistentVolume } from './core/persistent-volume.ts';
import { PersistentVolumeClaim } from './core/persistent-volume-claim.ts';
import { Pod } from './core/pod.ts';
import type { AnyKind } from './kind.ts';
import { Ingress } from './networking/ingress.ts';
import { NetworkPolicy } from './networking/network-policy.ts';
import { PodDisruptionBudget } from './policy/pod-disruption-budget.ts';
import { ClusterRole } from './rbac/cluster-role.ts';

const containers = [{ name: 'c', image: 'i' }];
const podSpec = (more: object) => ({ containers, ...more });
const badSelector = { matchExpressions: [{ key: 'k', operator: 'In', values: ['no label'] }] };
const spread = { maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule', labelSelector: badSelector };
const nodeTerms = (value: string) => [{ matchExpressions: [{ key: 'zone', operator: 'In', values: [value] }] }];
const labels = { app: 'a' };
const workload = (spec: object) => ({
  spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
});
const required = 'requiredDuringSchedulingIgnoredDuringExecution';

const resizing = { resizePolicy: [{ resourceName: 'cpu', restartPolicy: 'RestartContainer' }] };

/** A kind, a fault, an object that has it, and what its error says. */
const cases: [AnyKind, string, Record<string, unknown>, string][] = [
  [
    Pod,
    'a deletion cost that is no number',
    { metadata: { annotations: { 'controller.kubernetes.io/pod-deletion-cost': 'much' } }, spec: podSpec({}) },
    'must be a 32bit integer',
  ],
  [
    Pod,
    'an init container that resizing would restart',
    { spec: podSpec({ initContainers: [{ name: 'i', image: 'i', ...resizing }] }) },
    'spec.initContainers[0].resizePolicy: Invalid value: "RestartContainer": must be \'NotRequired\' for init containers',
  ],
  [
    Pod,
    'part of a huge page',
    {
      spec: podSpec({
        containers: [
          {
            name: 'c',
            image: 'i',
            resources: { limits: { cpu: '1', 'hugepages-2Mi': '3Mi' }, requests: { 'hugepages-2Mi': '3Mi' } },
          },
        ],
      }),
    },
    'is not positive integer multiple of hugepages-2Mi',
  ],
  [
    Pod,
    'an affinity to labels that cannot be',
    {
      spec: podSpec({
        affinity: { podAffinity: { [required]: [{ topologyKey: 'zone', labelSelector: badSelector }] } },
      }),
    },
    'a valid label must be an empty string',
  ],
  [
    Pod,
    'an affinity to nodes that cannot be',
    { spec: podSpec({ affinity: { nodeAffinity: { [required]: { nodeSelectorTerms: nodeTerms('no label') } } } }) },
    'a valid label must be an empty string',
  ],
  [Pod, 'a spread of pods that cannot be', { spec: podSpec({ topologySpreadConstraints: [spread] }) }, 'a valid label'],
  [
    Pod,
    'a sysctl of the node',
    {
      spec: podSpec({ hostNetwork: true, securityContext: { sysctls: [{ name: 'net.core.somaxconn', value: '1' }] } }),
    },
    "may not be specified when 'hostNetwork' is true",
  ],
  [
    Pod,
    'block devices in a user namespace',
    {
      spec: podSpec({
        hostUsers: false,
        containers: [{ name: 'c', image: 'i', volumeDevices: [{ name: 'v', devicePath: '/dev/x' }] }],
        volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'c' } }],
      }),
    },
    'when `hostUsers` is false',
  ],
  [
    Pod,
    'a token outside of its volume',
    {
      spec: podSpec({
        serviceAccountName: 's',
        volumes: [{ name: 'v', projected: { sources: [{ serviceAccountToken: { path: '../token' } }] } }],
      }),
    },
    "must not contain '..'",
  ],
  [
    Deployment,
    'a spread of pods that cannot be',
    workload(podSpec({ topologySpreadConstraints: [spread] })),
    'a valid label',
  ],
  [StatefulSet, 'a container without an image', workload({ containers: [{ name: 'c' }] }), 'image: Required value'],
  [
    StatefulSet,
    'a claim without a way of access',
    {
      spec: {
        ...workload(podSpec({})).spec,
        volumeClaimTemplates: [{ metadata: { name: 'data' }, spec: { resources: { requests: { storage: '1Gi' } } } }],
      },
    },
    'spec.volumeClaimTemplates[0].spec.accessModes: Required value: at least 1 access mode is required',
  ],
  [
    CronJob,
    'a zone in the schedule',
    {
      spec: {
        schedule: 'TZ=UTC 0 * * * *',
        jobTemplate: { spec: { template: { spec: podSpec({ restartPolicy: 'Never' }) } } },
      },
    },
    'cannot use TZ or CRON_TZ in schedule, use timeZone field instead',
  ],
  [
    CronJob,
    'an unknown zone',
    {
      spec: {
        schedule: '0 * * * *',
        timeZone: 'Moon/Tycho',
        jobTemplate: { spec: { template: { spec: podSpec({ restartPolicy: 'Never' }) } } },
      },
    },
    'unknown time zone Moon/Tycho',
  ],
  [
    HorizontalPodAutoscaler,
    'no replicas at least',
    {
      spec: {
        scaleTargetRef: { kind: 'Deployment', name: 'd', apiVersion: 'apps/v1' },
        minReplicas: 0,
        maxReplicas: 1,
      },
    },
    'must be greater than or equal to 1',
  ],
  [
    HorizontalPodAutoscaler,
    'a target of no version',
    { spec: { scaleTargetRef: { kind: 'Deployment', name: 'd', apiVersion: 'apps/v1/x' }, maxReplicas: 1 } },
    'unexpected GroupVersion string: apps/v1/x',
  ],
  [
    Ingress,
    'a secret that cannot be',
    { spec: { defaultBackend: { service: { name: 's', port: { number: 1 } } }, tls: [{ secretName: 'No Secret' }] } },
    'a lowercase RFC 1123 subdomain',
  ],
  [NetworkPolicy, 'a selector of labels that cannot be', { spec: { podSelector: badSelector } }, 'a valid label'],
  [
    NetworkPolicy,
    'a range that is none',
    { spec: { podSelector: {}, ingress: [{ from: [{ ipBlock: { cidr: '10.0.0.0' } }] }] } },
    'must be a valid CIDR value',
  ],
  [PodDisruptionBudget, 'a selector of labels that cannot be', { spec: { selector: badSelector } }, 'a valid label'],
  [
    PersistentVolumeClaim,
    'a selector of labels that cannot be',
    { spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, selector: badSelector } },
    'a valid label',
  ],
  [
    PersistentVolume,
    'nodes that cannot be',
    {
      spec: {
        accessModes: ['ReadWriteOnce'],
        capacity: { storage: '1Gi' },
        hostPath: { path: '/x' },
        nodeAffinity: { required: { nodeSelectorTerms: nodeTerms('no label') } },
      },
    },
    'a valid label',
  ],
  [
    ClusterRole,
    'a selector of labels that cannot be',
    { aggregationRule: { clusterRoleSelectors: [badSelector] } },
    'a valid label',
  ],
  [
    ValidatingWebhookConfiguration,
    'side effects, and a version that no server sends',
    {
      webhooks: [
        {
          name: 'a.example.com',
          clientConfig: { url: 'https://x' },
          sideEffects: 'Unknown',
          admissionReviewVersions: ['v0'],
        },
      ],
    },
    'admissionReviewVersions',
  ],
];

describe('an update', () => {
  it.each(cases)('of a %#: keeps %s', (kind, _fault, object, says) => {
    const old = admitted(kind, object);
    expect(createProblems(kind, old).join('\n')).toContain(says);
    expect(
      updateProblems(kind, old, (changed) => {
        changed.metadata.labels = { changed: 'yes' };
      }),
    ).toEqual([]);
  });

  it('brings no new fault, not even beside one that may stay', () => {
    const good = admitted(Pod, { spec: podSpec({}) });
    const cost = 'controller.kubernetes.io/pod-deletion-cost';
    const problems = updateProblems(Pod, good, (pod) => {
      pod.metadata.annotations = { [cost]: 'much' };
    });
    expect(problems).toEqual([`metadata.annotations[${cost}]: Invalid value: "much": must be a 32bit integer`]);
    const odd = admitted(Deployment, workload(podSpec({ topologySpreadConstraints: [spread] })));
    expect(
      updateProblems(Deployment, odd, (deployment) => {
        deployment.spec.replicas = -1;
      }),
    ).toEqual(['spec.replicas: Invalid value: -1: must be greater than or equal to 0']);
  });

  it('of a job made before labels had prefixes may leave them out', () => {
    const job = admitted(Job, { spec: { template: { spec: podSpec({ restartPolicy: 'Never' }) } } });
    const old = structuredClone(job);
    for (const name of ['job-name', 'controller-uid']) {
      delete old.spec.template.metadata.labels![`batch.kubernetes.io/${name}`];
    }
    old.spec.selector = { matchLabels: { 'controller-uid': old.metadata.uid } };
    const label = (changed: Job) => {
      changed.metadata.labels = { changed: 'yes' };
    };
    expect(updateProblems(Job, old, label)).toEqual([]);
  });

  it('of a cron job cannot add a zone to the schedule', () => {
    const spec = {
      schedule: '0 * * * *',
      jobTemplate: { spec: { template: { spec: podSpec({ restartPolicy: 'Never' }) } } },
    };
    const cronJob = admitted(CronJob, { spec });
    expect(
      updateProblems(CronJob, cronJob, (changed) => {
        changed.spec.schedule = 'CRON_TZ=UTC 0 * * * *';
      }),
    ).toEqual([
      'spec.schedule: Invalid value: "CRON_TZ=UTC 0 * * * *": cannot use TZ or CRON_TZ in schedule, use timeZone field instead',
    ]);
  });
});

describe('a new StatefulSet', () => {
  it('mounts its claims without listing them as volumes', () => {
    const mounting = { containers: [{ name: 'c', image: 'i', volumeMounts: [{ name: 'data', mountPath: '/data' }] }] };
    const claim = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } };
    const set = (volumeClaimTemplates: object[]) =>
      admitted(StatefulSet, { spec: { ...workload(mounting).spec, volumeClaimTemplates } });
    expect(createProblems(StatefulSet, set([{ metadata: { name: 'data' }, spec: claim }]))).toEqual([]);
    expect(createProblems(StatefulSet, set([]))).toEqual([
      'spec.template.spec.containers[0].volumeMounts[0].name: Not found: "data"',
    ]);
  });
});
