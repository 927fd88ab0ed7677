/** 5.2 to 5.6: what pods and namespaces are like. For people to judge, by the numbers. */

import type { Shared } from '../../../api/kind.ts';
import type { Container, Pod } from '../../../api/types/core-v1.ts';
import { type CisCheck, fail, type Judgement, judged, manual, notApplicable } from './check.ts';
import type { CisFacts } from './facts.ts';

const systemNamespaces: ReadonlySet<string> = new Set(['kube-system', 'kube-public', 'kube-node-lease']);
const enforceLabel = 'pod-security.kubernetes.io/enforce';

type PodSpec = Shared<Pod>['spec'];

const containersOf = (spec: PodSpec): readonly Shared<Container>[] => [
  ...(spec.initContainers ?? []),
  ...spec.containers,
];
const anyContainer = (test: (container: Shared<Container>, spec: PodSpec) => boolean) => (spec: PodSpec) =>
  containersOf(spec).some((container) => test(container, spec));

const shown = 3;

/** Counts the pods that are so. */
function counted(id: string, title: string, what: string, test: (spec: PodSpec) => boolean): CisCheck {
  return {
    id,
    title,
    judge({ pods }) {
      const found = pods
        .filter((pod) => test(pod.spec))
        .map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);
      const names = found.length ? `: ${found.slice(0, shown).join(', ')}${found.length > shown ? ', …' : ''}` : '';
      return manual(`${found.length} of ${pods.length} pods ${what}${names}`);
    },
  };
}

const userNamespaces = ({ namespaces }: CisFacts) => namespaces.filter((n) => !systemNamespaces.has(n.metadata.name));

function podSecurity(facts: CisFacts): Judgement {
  if (facts.config.disableAdmission?.includes('PodSecurity')) return fail('the plugin PodSecurity is turned off');
  const own = userNamespaces(facts);
  const enforcing = own.filter(({ metadata }) => metadata.labels?.[enforceLabel]);
  return manual(
    `Pod Security is on; ${enforcing.length} of ${own.length} namespaces enforce a level (label ${enforceLabel})`,
  );
}

function policiesWork({ config }: CisFacts): Judgement {
  if (config.runtime === 'sim') return notApplicable('simulated pods send no packets');
  return judged(
    !config.disable.includes('network-policy'),
    'network policies are enforced by the agent',
    'network policies are not enforced: the part network-policy is disabled',
  );
}

function policiesExist(facts: CisFacts): Judgement {
  const covered = new Set(facts.networkPolicies.map(({ metadata }) => metadata.namespace));
  const own = userNamespaces(facts);
  const count = own.filter(({ metadata }) => covered.has(metadata.name)).length;
  return manual(`${count} of ${own.length} namespaces have a network policy`);
}

const secretsInEnvironment = anyContainer(
  ({ env, envFrom }) =>
    (env?.some((variable) => variable.valueFrom?.secretKeyRef) ?? false) ||
    (envFrom?.some((source) => source.secretRef) ?? false),
);

const runsAsRoot = anyContainer(({ securityContext: own }, { securityContext: shared }) => {
  const user = own?.runAsUser ?? shared?.runAsUser;
  return user === undefined ? !(own?.runAsNonRoot ?? shared?.runAsNonRoot) : user === 0;
});

const dropsAll = ({ securityContext }: Shared<Container>) =>
  securityContext?.capabilities?.drop?.includes('ALL') ?? false;

/** 5.2 to 5.6. */
export const policyChecks: readonly CisCheck[] = [
  { id: '5.2.1', title: 'something decides what pods may be', judge: podSecurity },
  counted(
    '5.2.2',
    'privileged containers',
    'are privileged',
    anyContainer((c) => c.securityContext?.privileged === true),
  ),
  counted('5.2.3', 'processes of the host', 'see the processes of the host', (spec) => spec.hostPID === true),
  counted('5.2.4', 'shared memory of the host', 'share the IPC of the host', (spec) => spec.hostIPC === true),
  counted('5.2.5', 'network of the host', 'use the network of the host', (spec) => spec.hostNetwork === true),
  counted(
    '5.2.6',
    'gaining privileges',
    'may gain privileges',
    anyContainer((c) => c.securityContext?.allowPrivilegeEscalation !== false),
  ),
  counted('5.2.7', 'containers as root', 'may run as root', runsAsRoot),
  counted(
    '5.2.8',
    'raw packets',
    'may send raw packets',
    anyContainer((c) => !dropsAll(c) && !c.securityContext?.capabilities?.drop?.includes('NET_RAW')),
  ),
  counted(
    '5.2.9',
    'added capabilities',
    'have capabilities added',
    anyContainer((c) => (c.securityContext?.capabilities?.add?.length ?? 0) > 0),
  ),
  counted(
    '5.2.10',
    'capabilities at all',
    'keep capabilities',
    anyContainer((c) => !dropsAll(c)),
  ),
  { id: '5.2.11', title: 'Windows host processes', judge: () => notApplicable('nodes run Linux') },
  counted('5.2.12', 'folders of the host', 'mount a folder of the host', (spec) =>
    Boolean(spec.volumes?.some((volume) => volume.hostPath)),
  ),
  counted(
    '5.2.13',
    'ports of the host',
    'use ports of the host',
    anyContainer((c) => c.ports?.some((port) => port.hostPort) ?? false),
  ),
  { id: '5.3.1', title: 'network policies have an effect', judge: policiesWork },
  { id: '5.3.2', title: 'namespaces have network policies', judge: policiesExist },
  counted('5.4.1', 'secrets as files', 'have secrets in environment variables', secretsInEnvironment),
  {
    id: '5.4.2',
    title: 'secrets kept elsewhere',
    judge: () => manual('a secret store outside the cluster is your choice'),
  },
  {
    id: '5.5.1',
    title: 'where images come from',
    judge: () => manual('set up a validating webhook or policy for images'),
  },
  {
    id: '5.6.1',
    title: 'namespaces as boundaries',
    judge: (facts) => manual(`${userNamespaces(facts).length} namespaces besides the system’s`),
  },
  counted(
    '5.6.2',
    'system call filters',
    'have a container without a seccomp profile',
    anyContainer((c, spec) => !(c.securityContext?.seccompProfile ?? spec.securityContext?.seccompProfile)),
  ),
  counted(
    '5.6.3',
    'security contexts',
    'have a container without a security context',
    anyContainer((c, spec) => !c.securityContext && Object.keys(spec.securityContext ?? {}).length === 0),
  ),
  {
    id: '5.6.4',
    title: 'the default namespace is not used',
    judge: ({ pods }) => manual(`${pods.filter((pod) => pod.metadata.namespace === 'default').length} pods are in it`),
  },
];
