/** The Node object as the agent registers it and keeps its status. */
import type { KubeObject, Shared } from '../../api/kind.ts';
import type { Node, NodeAddress, NodeCondition, NodeRuntimeHandler, NodeStatus } from '../../api/types/core-v1.ts';
import { kubernetesVersion } from '../../api/version.ts';
import { formatTime } from '../../base/clock.ts';
import type { Draft } from '../../client/client.ts';
import type { Received } from '../../cri/types.ts';
import type { MachineFacts } from './machine-facts.ts';

export interface NodeDescription {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly { key: string; value?: string; effect: string }[];
  readonly addresses: readonly NodeAddress[];
  readonly capacity: Readonly<Record<string, string>>;
  readonly allocatable: Readonly<Record<string, string>>;
  readonly facts: MachineFacts;
  readonly runtimeVersion: string;
  /** What the runtime's handlers and the runtime itself can do; empty of one that does not say. */
  readonly runtimeHandlers: readonly NodeRuntimeHandler[];
  readonly supplementalGroupsPolicy: boolean;
  readonly kubeletPort: number;
}

/** What the conditions are made of. */
export interface NodeHealth {
  /** Reasons why the node is not ready; none when it is. */
  readonly problems: readonly string[];
  readonly memoryPressure: boolean;
  readonly diskPressure: boolean;
  readonly pidPressure: boolean;
}

export function nodeLabels(name: string, facts: Pick<MachineFacts, 'architecture'>): Record<string, string> {
  return {
    'beta.kubernetes.io/arch': facts.architecture,
    'beta.kubernetes.io/os': 'linux',
    'kubernetes.io/arch': facts.architecture,
    'kubernetes.io/hostname': name,
    'kubernetes.io/os': 'linux',
  };
}

/** The conditions, the old ones' transition times kept where their status is the same. */
export function nodeConditions(
  health: NodeHealth,
  old: readonly Shared<NodeCondition>[],
  nowMs: number,
): NodeCondition[] {
  const now = formatTime(nowMs);
  const condition = (
    type: NodeCondition['type'],
    isTrue: boolean,
    words: readonly [reason: string, message: string],
  ): NodeCondition => {
    const status = isTrue ? 'True' : 'False';
    const before = old.find((candidate) => candidate.type === type);
    return {
      type,
      status,
      lastHeartbeatTime: now,
      lastTransitionTime: before?.status === status && before.lastTransitionTime ? before.lastTransitionTime : now,
      reason: words[0],
      message: words[1],
    };
  };
  const pressure = (type: 'Memory' | 'Disk' | 'PID', has: boolean) => {
    const [noun, word] = {
      Memory: ['InsufficientMemory', 'sufficient memory'],
      Disk: ['DiskPressure', 'disk pressure'],
      PID: ['InsufficientPID', 'sufficient PID'],
    }[type] as [string, string];
    const yes: [string, string] = [
      `KubeletHas${noun}`,
      `kubelet has ${word.replace('sufficient', 'insufficient')} available`,
    ];
    const fine: [string, string] =
      type === 'Disk'
        ? ['KubeletHasNoDiskPressure', 'kubelet has no disk pressure']
        : [`KubeletHasSufficient${type}`, `kubelet has ${word} available`];
    return condition(
      `${type}Pressure`,
      has,
      has ? (type === 'Disk' ? ['KubeletHasDiskPressure', 'kubelet has disk pressure'] : yes) : fine,
    );
  };
  const ready = health.problems.length === 0;
  return [
    pressure('Memory', health.memoryPressure),
    pressure('Disk', health.diskPressure),
    pressure('PID', health.pidPressure),
    condition(
      'Ready',
      ready,
      ready ? ['KubeletReady', 'kubelet is posting ready status'] : ['KubeletNotReady', oneOrList(health.problems)],
    ),
  ];
}

/** Several errors as upstream prints them together, one as it is. */
const oneOrList = (problems: readonly string[]) => (problems.length === 1 ? problems[0]! : `[${problems.join(', ')}]`);

/** The status that the agent owns. */
export function nodeStatus(
  node: NodeDescription,
  conditions: NodeCondition[],
  images: NonNullable<NodeStatus['images']>,
): NodeStatus {
  const { facts } = node;
  return {
    capacity: { ...node.capacity },
    allocatable: { ...node.allocatable },
    conditions,
    addresses: [...node.addresses],
    daemonEndpoints: { kubeletEndpoint: { Port: node.kubeletPort } },
    nodeInfo: {
      machineID: facts.machineId,
      systemUUID: facts.systemUuid,
      bootID: facts.bootId,
      kernelVersion: facts.kernelVersion,
      osImage: facts.osImage,
      containerRuntimeVersion: node.runtimeVersion,
      kubeletVersion: kubernetesVersion,
      kubeProxyVersion: '',
      operatingSystem: 'linux',
      architecture: facts.architecture,
    },
    images,
    ...(node.runtimeHandlers.length > 0 ? { runtimeHandlers: [...node.runtimeHandlers] } : {}),
    features: { supplementalGroupsPolicy: node.supplementalGroupsPolicy },
    declaredFeatures: [...declaredFeatures],
  };
}

/** What this agent can do that not every kubelet can: pods that need it are kept off nodes that do not say so (KEP-5328). */
export const declaredFeatures = ['RestartAllContainersOnContainerExits'] as const;

/** The runtime's handlers as the node's status shows them. */
export const runtimeHandlers = (handlers: readonly Received<'RuntimeHandler'>[]): NodeRuntimeHandler[] =>
  handlers.map(({ name, features }) => ({
    name,
    features: {
      recursiveReadOnlyMounts: features?.recursive_read_only_mounts ?? false,
      userNamespaces: features?.user_namespaces ?? false,
    },
  }));

/** The object for registering. */
export function newNode(node: NodeDescription, status: NodeStatus): Draft<Node & KubeObject> {
  return {
    metadata: {
      name: node.name,
      labels: { ...node.labels },
      annotations: { 'volumes.kubernetes.io/controller-managed-attach-detach': 'true' },
    },
    spec: node.taints.length > 0 ? { taints: node.taints.map((taint) => ({ ...taint })) } : {},
    status,
  };
}
