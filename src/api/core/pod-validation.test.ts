import { describe, expect, it } from 'vitest';
import { admitted, createProblems, updateProblems } from '../admitted.ts';
import type { Shared } from '../kind.ts';
import { fieldErrorMessage } from '../machinery/field-error.ts';
import { Pod } from './pod.ts';
import { validatePodResize } from './pod-resize-validation.ts';
import { validateEphemeralContainersUpdate } from './pod-update-validation.ts';

const image = { name: 'c', image: 'nginx:1' };
const pod = (spec: object = {}, metadata: object = {}) =>
  admitted(Pod, { metadata, spec: { containers: [image], ...spec } });
const withContainer = (fields: object) => pod({ containers: [{ ...image, ...fields }] });
const label1123 =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";

describe('a pod that is refused', () => {
  const cases: [string, () => Pod, string[]][] = [
    ['no containers', () => pod({ containers: [] }), ['spec.containers: Required value']],
    ['no image', () => withContainer({ image: '' }), ['spec.containers[0].image: Required value']],
    [
      'upper-case container name',
      () => withContainer({ name: 'C' }),
      [`spec.containers[0].name: Invalid value: "C": ${label1123}`],
    ],
    ['one name twice', () => pod({ containers: [image, image] }), ['spec.containers[1].name: Duplicate value: "c"']],
    [
      'unknown volume',
      () => withContainer({ volumeMounts: [{ name: 'data', mountPath: '/data' }] }),
      ['spec.containers[0].volumeMounts[0].name: Not found: "data"'],
    ],
    [
      'port out of range',
      () => withContainer({ ports: [{ containerPort: 70000 }] }),
      ['spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive'],
    ],
    [
      'request above limit',
      () => withContainer({ resources: { requests: { cpu: '2' }, limits: { cpu: '1' } } }),
      ['spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1'],
    ],
    [
      'extended resource with request and no limit',
      () => withContainer({ resources: { requests: { 'example.com/gpu': '1' } } }),
      ['spec.containers[0].resources.limits: Required value: Limit must be set for non overcommitable resources'],
    ],
    [
      'half a device',
      () => withContainer({ resources: { limits: { 'example.com/gpu': '500m' } } }),
      [
        'spec.containers[0].resources.limits[example.com/gpu]: Invalid value: "500m": must be an integer',
        'spec.containers[0].resources.requests[example.com/gpu]: Invalid value: "500m": must be an integer',
      ],
    ],
    [
      'unknown resource',
      () => withContainer({ resources: { limits: { disk: '1' } } }),
      [
        'spec.containers[0].resources.limits[disk]: Invalid value: "disk": must be a standard resource type or fully qualified',
        'spec.containers[0].resources.limits[disk]: Invalid value: "disk": must be a standard resource for containers',
        'spec.containers[0].resources.requests[disk]: Invalid value: "disk": must be a standard resource type or fully qualified',
        'spec.containers[0].resources.requests[disk]: Invalid value: "disk": must be a standard resource for containers',
      ],
    ],
    [
      'probe with two handlers',
      () => withContainer({ livenessProbe: { exec: { command: ['a'] }, tcpSocket: { port: 1 } } }),
      ['spec.containers[0].livenessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type'],
    ],
    [
      'probe without handler',
      () => withContainer({ readinessProbe: {} }),
      ['spec.containers[0].readinessProbe: Required value: must specify a handler type'],
    ],
    [
      'liveness probe that has to succeed twice',
      () => withContainer({ livenessProbe: { tcpSocket: { port: 80 }, successThreshold: 2 } }),
      ['spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1'],
    ],
    [
      'init container with a probe',
      () => pod({ initContainers: [{ name: 'i', image: 'i', livenessProbe: { tcpSocket: { port: 80 } } }] }),
      [
        'spec.initContainers[0].livenessProbe: Forbidden: may not be set for init containers without restartPolicy=Always',
      ],
    ],
    [
      'unknown restart policy',
      () => pod({ restartPolicy: 'Sometimes' }),
      ['spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never"'],
    ],
    [
      'two sources in a volume',
      () => pod({ volumes: [{ name: 'v', emptyDir: {}, configMap: { name: 'c' } }] }),
      ['spec.volumes[0].configMap: Forbidden: may not specify more than 1 volume type'],
    ],
    [
      'hostPath with backsteps',
      () => pod({ volumes: [{ name: 'v', hostPath: { path: '/a/../b' } }] }),
      ['spec.volumes[0].hostPath.path: Invalid value: "/a/../b": must not contain \'..\''],
    ],
    [
      'privileged without escalation',
      () => withContainer({ securityContext: { privileged: true, allowPrivilegeEscalation: false } }),
      [
        'spec.containers[0].securityContext: Invalid value: {"privileged":true,"allowPrivilegeEscalation":false}: cannot set `allowPrivilegeEscalation` to false and `privileged` to true',
      ],
    ],
    [
      'toleration that counts',
      () => pod({ tolerations: [{ key: 'a', operator: 'Gt', value: '1' }] }),
      ['spec.tolerations[0].operator: Unsupported value: "Gt": supported values: "Equal", "Exists"'],
    ],
    [
      'toleration without key that compares',
      () => pod({ tolerations: [{ value: 'a' }] }),
      [
        'spec.tolerations[0].operator: Invalid value: "": operator must be Exists when `key` is empty, which means "match all values and all keys"',
      ],
    ],
    [
      'spread without topology key',
      () =>
        pod({
          topologySpreadConstraints: [
            { maxSkew: 0, topologyKey: '', whenUnsatisfiable: 'DoNotSchedule', labelSelector: {} },
          ],
        }),
      [
        'spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than zero',
        'spec.topologySpreadConstraints[0].topologyKey: Required value: can not be empty',
      ],
    ],
    [
      'own resolver without servers',
      () => pod({ dnsPolicy: 'None' }),
      ['spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None'],
    ],
    [
      'variable from two places',
      () =>
        withContainer({ env: [{ name: 'A', value: 'x', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }] }),
      ['spec.containers[0].env[0].valueFrom: Invalid value: "": may not be specified when `value` is not empty'],
    ],
    [
      'field that pods do not have',
      () => withContainer({ env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath: 'spec.color' } } }] }),
      [
        'spec.containers[0].env[0].valueFrom.fieldRef.fieldPath: Invalid value: "spec.color": error converting fieldPath: field label not supported: spec.color',
      ],
    ],
    [
      'host port twice',
      () =>
        withContainer({
          ports: [
            { containerPort: 1, hostPort: 9 },
            { containerPort: 2, hostPort: 9 },
          ],
        }),
      ['spec.containers[0].ports[1].hostPort: Duplicate value: "TCP//9"'],
    ],
    [
      "host port that is not the container port on the node's network",
      () => ({
        ...pod({ hostNetwork: true }),
        ...withContainer({ ports: [{ containerPort: 1 }] }),
        spec: pod({ hostNetwork: true, containers: [{ ...image, ports: [{ containerPort: 1, hostPort: 2 }] }] }).spec,
      }),
      ['spec.containers[0].ports[0].hostPort: Invalid value: 2: must match `containerPort` when `hostNetwork` is true'],
    ],
    [
      'ephemeral containers from the start',
      () => pod({ ephemeralContainers: [{ name: 'e', image: 'e' }] }),
      ['spec.ephemeralContainers: Forbidden: cannot be set on create'],
    ],
    [
      'a node before the gates are open',
      () => pod({ nodeName: 'n', schedulingGates: [{ name: 'example.com/a' }] }),
      ['spec.nodeName: Forbidden: cannot be set until all schedulingGates have been cleared'],
    ],
    [
      'weight out of range',
      () =>
        pod({
          affinity: {
            nodeAffinity: {
              preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 101, preference: {} }],
            },
          },
        }),
      [
        'spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight: Invalid value: 101: must be in the range 1-100',
      ],
    ],
    [
      'required affinity without terms',
      () =>
        pod({
          affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [] } } },
        }),
      [
        'spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms: Required value: must have at least one node selector term',
      ],
    ],
    [
      'windows pod with Linux fields',
      () => pod({ os: { name: 'windows' }, hostPID: true, securityContext: { runAsUser: 1 } }),
      [
        'spec.securityContext.runAsUser: Forbidden: cannot be set for a windows pod',
        'spec.hostPID: Forbidden: cannot be set for a windows pod',
      ],
    ],
  ];
  it.each(cases)('%s', (_, make, problems) => {
    expect(createProblems(Pod, make())).toEqual(problems);
  });

  it('an ordinary one is not', () => {
    const spec = {
      containers: [
        {
          ...image,
          ports: [{ name: 'http', containerPort: 80 }],
          env: [
            { name: 'NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
            { name: 'L', valueFrom: { fieldRef: { fieldPath: "metadata.labels['app']" } } },
          ],
          volumeMounts: [{ name: 'token', mountPath: '/token', readOnly: true }],
          readinessProbe: { httpGet: { path: '/', port: 'http' } },
          lifecycle: { preStop: { sleep: { seconds: 5 } } },
          securityContext: { capabilities: { drop: ['ALL'] }, seccompProfile: { type: 'RuntimeDefault' } },
        },
      ],
      serviceAccountName: 'default',
      volumes: [
        {
          name: 'token',
          projected: {
            sources: [
              { serviceAccountToken: { path: 'token' } },
              { configMap: { name: 'ca', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
            ],
          },
        },
      ],
      tolerations: [{ key: 'a', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 }],
    };
    expect(createProblems(Pod, pod(spec))).toEqual([]);
  });
});

describe('an update of a pod', () => {
  it.each<[string, (object: Pod) => void]>([
    [
      'an image',
      (p) => {
        p.spec.containers[0]!.image = 'nginx:2';
      },
    ],
    [
      'a shorter deadline',
      (p) => {
        p.spec.activeDeadlineSeconds = 50;
      },
    ],
    [
      'one toleration more',
      (p) => {
        p.spec.tolerations = [{ key: 'a', operator: 'Exists' }];
      },
    ],
    [
      'labels',
      (p) => {
        p.metadata.labels = { a: 'b' };
      },
    ],
  ])('may change %s', (_, change) => {
    expect(updateProblems(Pod, pod({ activeDeadlineSeconds: 100 }), change)).toEqual([]);
  });

  it('may change nothing else, and says what it would have changed', () => {
    const [problem, ...more] = updateProblems(Pod, pod(), (p) => {
      p.spec.hostname = 'h';
    });
    expect(more).toEqual([]);
    expect(problem).toMatch(
      /^spec: Forbidden: pod updates may not change fields other than `spec.containers\[\*\].image`,`spec.initContainers\[\*\].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` \(only additions to existing tolerations\),`spec.terminationGracePeriodSeconds` \(allow it to be set to 1 if it was previously negative\)\n {2}hostname: - \(unset\) \+ "h"$/,
    );
  });

  it.each<[string, object, (object: Pod) => void, string]>([
    [
      'a longer deadline',
      { activeDeadlineSeconds: 5 },
      (p) => {
        p.spec.activeDeadlineSeconds = 6;
      },
      'spec.activeDeadlineSeconds: Invalid value: 6: must be less than or equal to previous value',
    ],
    [
      'no deadline any more',
      { activeDeadlineSeconds: 5 },
      (p) => {
        delete p.spec.activeDeadlineSeconds;
      },
      'spec.activeDeadlineSeconds: Invalid value: null: must not update from a positive integer to nil value',
    ],
    [
      'fewer tolerations',
      { tolerations: [{ key: 'a', operator: 'Exists' }] },
      (p) => {
        delete p.spec.tolerations;
      },
      'spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds',
    ],
    [
      'a container more',
      {},
      (p) => {
        p.spec.containers.push({ ...p.spec.containers[0]!, name: 'd' });
      },
      'spec.containers: Forbidden: pod updates may not add or remove containers',
    ],
    [
      'a gate',
      { schedulingGates: [{ name: 'example.com/a' }] },
      (p) => {
        p.spec.schedulingGates!.push({ name: 'example.com/b' });
      },
      "spec.schedulingGates[1].name: Forbidden: only deletion is allowed, but found new scheduling gate 'example.com/b'",
    ],
  ])('may not have %s', (_, spec, change, problem) => {
    expect(updateProblems(Pod, pod(spec), change)).toEqual([problem]);
  });

  it('may narrow where a gated pod goes', () => {
    const gated = pod({ schedulingGates: [{ name: 'example.com/a' }], nodeSelector: { a: 'b' } });
    expect(
      updateProblems(Pod, gated, (p) => {
        p.spec.nodeSelector = { a: 'b', c: 'd' };
      }),
    ).toEqual([]);
    expect(
      updateProblems(Pod, gated, (p) => {
        p.spec.nodeSelector = { c: 'd' };
      }),
    ).toEqual([
      'spec.nodeSelector: Invalid value: {"c":"d"}: only additions to spec.nodeSelector are allowed (no mutations or deletions)',
    ]);
  });
});

describe('subresources of a pod', () => {
  const messages = (errors: readonly Parameters<typeof fieldErrorMessage>[0][]) => errors.map(fieldErrorMessage);

  it('keep ephemeral containers that are there', () => {
    const old = pod();
    old.spec.ephemeralContainers = [{ name: 'e', image: 'e', resources: {} }];
    const changed = structuredClone(old);
    changed.spec.ephemeralContainers![0]!.image = 'f';
    expect(messages(validateEphemeralContainersUpdate(changed as Shared<Pod>, old as Shared<Pod>))[0]).toMatch(
      /^spec.ephemeralContainers: Forbidden: existing ephemeral containers "e" may not be changed\n/,
    );
    const removed = pod();
    expect(messages(validateEphemeralContainersUpdate(removed as Shared<Pod>, old as Shared<Pod>))).toEqual([
      'spec.ephemeralContainers: Forbidden: existing ephemeral containers "e" may not be removed\n',
    ]);
  });

  it('resize changes cpu and memory only, and not the quality of service', () => {
    const old = withContainer({ resources: { requests: { cpu: '100m' }, limits: { cpu: '200m' } } });
    const bigger = structuredClone(old);
    bigger.spec.containers[0]!.resources = { requests: { cpu: '150m' }, limits: { cpu: '300m' } };
    expect(validatePodResize(bigger as Shared<Pod>, old as Shared<Pod>)).toEqual([]);
    const removed = structuredClone(old);
    removed.spec.containers[0]!.resources = { requests: { cpu: '100m' } };
    expect(messages(validatePodResize(removed as Shared<Pod>, old as Shared<Pod>))).toEqual([
      'spec.containers[0].resources.limits: Forbidden: resource limits cannot be removed',
    ]);
    const other = structuredClone(bigger);
    other.spec.containers[0]!.image = 'b';
    expect(messages(validatePodResize(other as Shared<Pod>, old as Shared<Pod>))).toEqual([
      'spec: Forbidden: only cpu and memory resources are mutable',
    ]);
  });

  it('resize changes what the pod has as a whole, too', () => {
    const spec = { resources: { requests: { cpu: '100m' }, limits: { cpu: '200m' } } };
    const old = pod(spec);
    const bigger = pod({ resources: { requests: { cpu: '150m' }, limits: { cpu: '300m' } } });
    expect(validatePodResize(bigger as Shared<Pod>, old as Shared<Pod>)).toEqual([]);
    const removed = pod({ resources: { requests: { cpu: '100m' } } });
    removed.spec.resources = { requests: { cpu: '100m' } };
    expect(messages(validatePodResize(removed as Shared<Pod>, old as Shared<Pod>))).toEqual([
      'spec.resources.limits: Forbidden: resource limits cannot be removed',
    ]);
  });

  it('resize leaves init containers that are no sidecars alone', () => {
    const init = (cpu: string) => [{ name: 'i', image: 'i', resources: { requests: { cpu } } }];
    const old = pod({ initContainers: init('1') });
    expect(messages(validatePodResize(pod({ initContainers: init('2') }) as Shared<Pod>, old as Shared<Pod>))).toEqual([
      'spec: Forbidden: resources for non-sidecar init containers are immutable',
    ]);
  });

  it('status keeps the quality of service and terminated containers terminated', () => {
    const old = pod({ restartPolicy: 'Never' });
    const base = { name: 'c', ready: false, restartCount: 0, image: '', imageID: '', lastState: {} };
    old.status.containerStatuses = [{ ...base, state: { terminated: { exitCode: 1 } } }];
    const changed = structuredClone(old);
    changed.status.containerStatuses = [{ ...base, state: { running: {} } }];
    changed.status.qosClass = 'Guaranteed';
    expect(messages(Pod.validateStatusUpdate!(changed as Shared<Pod>, old as Shared<Pod>))).toEqual([
      'status.qosClass: Invalid value: "Guaranteed": field is immutable',
      'status.containerStatuses[0].state: Forbidden: may not be transitioned to non-terminated state',
    ]);
  });

  it('status lets every container run again where a rule starts all of them over', () => {
    const rules = [{ action: 'RestartAllContainers', exitCodes: { operator: 'In', values: [42] } }];
    const trigger = { name: 't', image: 'i', resources: {}, restartPolicy: 'Never', restartPolicyRules: rules };
    const old = pod({ restartPolicy: 'Never' });
    old.spec.containers.push(trigger as never);
    const base = { name: 'c', ready: false, restartCount: 0, image: '', imageID: '', lastState: {} };
    old.status.containerStatuses = [{ ...base, state: { terminated: { exitCode: 0 } } }];
    const changed = structuredClone(old);
    changed.status.containerStatuses = [{ ...base, state: { running: {} } }];
    expect(messages(Pod.validateStatusUpdate!(changed as Shared<Pod>, old as Shared<Pod>))).toEqual([]);
  });
});

describe('warnings about pods', () => {
  const warnings = (object: Pod) => Pod.warnings!(object as Shared<Pod>);
  it.each<[string, object, string]>([
    [
      'labels of old',
      { nodeSelector: { 'beta.kubernetes.io/os': 'linux' } },
      'spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "kubernetes.io/os" instead',
    ],
    [
      'hidden variables',
      {
        containers: [
          {
            ...image,
            env: [
              { name: 'A', value: '1' },
              { name: 'A', value: '2' },
            ],
          },
        ],
      },
      'spec.containers[0].env[1]: hides previous definition of "A", which may be dropped when using apply',
    ],
    [
      'fractions of bytes',
      { containers: [{ ...image, resources: { requests: { memory: '100m' } } }] },
      'spec.containers[0].resources.requests[memory]: fractional byte value "100m" is invalid, must be an integer',
    ],
    [
      'plugins of old',
      { volumes: [{ name: 'v', flocker: { datasetName: 'd' } }] },
      'spec.volumes[0].flocker: deprecated in v1.22, non-functional in v1.25+',
    ],
    [
      'ports defined twice',
      {
        containers: [
          { ...image, ports: [{ containerPort: 80 }] },
          { ...image, name: 'd', ports: [{ containerPort: 80 }] },
        ],
      },
      'spec.containers[1].ports[0]: duplicate port definition with spec.containers[0].ports[0]',
    ],
  ])('%s', (_, spec, warning) => {
    expect(warnings(pod(spec))).toEqual([warning]);
  });

  it('variables that extend themselves are fine', () => {
    const env = [
      { name: 'PATH', value: '/a' },
      { name: 'PATH', value: '$(PATH):/b' },
    ];
    expect(warnings(withContainer({ env }))).toEqual([]);
  });
});
