/**
 * Every role and binding that upstream v1.36 makes by default, by name and by what it says. The fixture holds a digest of
 * each (see {@link digest}); where ours says something else on purpose, the difference is listed with its reason and has
 * to be exactly that.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  type DefaultPolicy,
  defaultPolicy,
  type PolicyBinding,
  type PolicyRole,
} from '../../src/apiserver/authz/bootstrap-policy.ts';
import { builtinControllers } from '../../src/controllers/controllers.gen.ts';
import { loadBalancerController } from '../../src/network/load-balancer/load-balancer.ts';

const upstream = JSON.parse(
  readFileSync(join(import.meta.dirname, '../fixtures/default-policy.json'), 'utf8'),
) as Record<keyof DefaultPolicy, Record<string, string>>;
const policy = defaultPolicy([...builtinControllers.filter(({ requires }) => !requires), loadBalancerController]);

interface Difference {
  readonly because: string;
  /** What upstream's says and ours does not, and the other way round: lines of {@link linesOf}. */
  readonly without?: readonly string[];
  readonly besides?: readonly string[];
}

const each = (verbs: string, ...what: string[]) =>
  what.flatMap((resource) => verbs.split(' ').map((verb) => `${verb} ${resource}`));
const gone = 'the group `extensions` has no resources since v1.22: what reads them would read a custom resource';
const watched = 'each controller may read what it watches; upstream lets the whole process watch everything';

const differences: Readonly<Record<string, Difference>> = {
  'system:controller:daemon-set-controller': {
    because: gone,
    without: [
      ...each('get list watch', 'extensions/daemonsets'),
      ...each('update', 'extensions/daemonsets/finalizers', 'extensions/daemonsets/status'),
    ],
  },
  'system:controller:deployment-controller': {
    because: gone,
    without: [
      ...each('get list watch update', 'extensions/deployments'),
      ...each('update', 'extensions/deployments/finalizers', 'extensions/deployments/status'),
      ...each('get list watch create delete patch update', 'extensions/replicasets'),
    ],
  },
  'system:controller:replicaset-controller': {
    because: gone,
    without: [
      ...each('get list watch update', 'extensions/replicasets'),
      ...each('update', 'extensions/replicasets/finalizers', 'extensions/replicasets/status'),
    ],
  },
  'system:controller:disruption-controller': {
    because: `${gone}; ${watched}`,
    without: each('get list watch', 'extensions/deployments', 'extensions/replicasets'),
    besides: each('get list watch', '/pods'),
  },
  'system:controller:legacy-service-account-token-cleaner': {
    because: watched,
    besides: each('list watch', '/pods', '/secrets', '/serviceaccounts'),
  },
  'system:controller:node-controller': {
    because: watched,
    besides: each('get list watch', 'coordination.k8s.io/leases'),
  },
  'system:controller:resource-claim-controller': {
    because: `${watched}; nothing asks for the made-up subresource`,
    without: each('patch update', 'resource.k8s.io/resourceclaims/binding'),
    besides: each('get list watch', 'resource.k8s.io/resourceclaimtemplates'),
  },
  'system:controller:persistent-volume-binder': {
    because: 'volumes are recycled without a pod whose events would be watched',
    without: ['watch /events'],
  },
  'system:controller:pvc-protection-controller': {
    because: 'claims do not say since when they are unused, a feature that is off by default',
    without: ['update /persistentvolumeclaims/status'],
  },
  'system:controller:service-controller': {
    because: 'the load balancer is part of the cluster and looks at nodes and endpoints',
    besides: [...each('get', '/nodes'), ...each('get list watch', 'discovery.k8s.io/endpointslices')],
  },
};

/** Roles and bindings of our own, each with what it is for. */
const ours: Readonly<Record<string, string>> = {
  'system:controller:lease-cleanup-controller':
    'upstream’s API server removes leases of servers that are gone as itself',
  'system:controller:tokens-controller': 'upstream’s makes the tokens of secrets as the controller manager itself',
  'timonel:node-bootstrapper': 'kubeadm binds this for nodes that join',
  'timonel:node-autoapprove-bootstrap': 'kubeadm binds this for nodes that join',
  'timonel:node-autoapprove-certificate-rotation': 'kubeadm binds this for nodes that renew their certificates',
};

const expand = ({
  verbs,
  apiGroups = [],
  resources = [],
  resourceNames,
  nonResourceURLs,
}: PolicyRole['rules'][number]) =>
  verbs.flatMap((verb) =>
    nonResourceURLs
      ? nonResourceURLs.map((url) => `${verb} ${url}`)
      : apiGroups.flatMap((group) =>
          resources.flatMap((resource) =>
            resourceNames
              ? resourceNames.map((name) => `${verb} ${group}/${resource} ${name}`)
              : [`${verb} ${group}/${resource}`],
          ),
        ),
  );

/** All that an object says, a line each: a verb on a resource or URL, a subject, a label, an annotation. */
function linesOf(object: PolicyRole | PolicyBinding): string[] {
  const { labels, annotations } = object.metadata;
  const lines =
    'roleRef' in object
      ? [
          `role ${object.roleRef.kind} ${object.roleRef.name}`,
          ...object.subjects.map(({ kind, namespace = '', name }) => `subject ${kind} ${namespace}/${name}`),
        ]
      : [
          ...object.rules.flatMap(expand),
          ...(object.aggregationRule?.clusterRoleSelectors ?? []).map((one) => `aggregates ${JSON.stringify(one)}`),
        ];
  return [...lines, ...Object.entries({ ...labels, ...annotations }).map(([key, value]) => `${key}=${value}`)];
}

const digest = (lines: readonly string[]) =>
  createHash('sha256')
    .update([...new Set(lines)].sort().join('\n'))
    .digest('hex')
    .slice(0, 16);

const nameOf = ({ metadata: { namespace, name } }: PolicyRole | PolicyBinding) =>
  namespace ? `${namespace}/${name}` : name;
const sets = ['clusterRoles', 'clusterRoleBindings', 'roles', 'roleBindings'] as const;

describe.each(sets)('the default %s', (set) => {
  const objects: readonly (PolicyRole | PolicyBinding)[] = policy[set];

  it('are upstream’s, and those that are our own', () => {
    const names = objects.map(nameOf).filter((name) => !(name in ours));
    expect(names.sort()).toEqual(Object.keys(upstream[set]).sort());
  });

  it.each(Object.entries(upstream[set]))('%s says what upstream’s does', (name, wanted) => {
    const lines = linesOf(objects.find((one) => nameOf(one) === name)!);
    const { without = [], besides = [] } = set === 'clusterRoles' ? (differences[name] ?? {}) : {};
    expect(lines).toEqual(expect.arrayContaining([...besides]));
    for (const line of without) expect(lines).not.toContain(line);
    expect(digest([...lines.filter((line) => !besides.includes(line)), ...without])).toBe(wanted);
  });
});

it('a rule more, a rule less or another name is seen', () => {
  const role = policy.clusterRoles.find((one) => one.metadata.name === 'system:node')!;
  const lines = linesOf(role);
  expect(digest(lines)).toBe(upstream.clusterRoles['system:node']);
  expect(digest(lines.slice(1))).not.toBe(digest(lines));
  expect(digest([...lines, 'get /secrets'])).not.toBe(digest(lines.slice(0, -1)));
  expect(digest(linesOf({ ...role, rules: [...role.rules, { ...role.rules[0]!, resourceNames: ['x'] }] }))).not.toBe(
    digest(lines),
  );
});
