import { defineKind, type Shared } from '../kind.ts';
import type * as core from '../types/core-v1.ts';
import { ageColumn, nameColumn, textColumn } from './columns.ts';
import { keptAddresses } from './ip-rules.ts';
import { validateNode, validateNodeUpdate } from './node-validation.ts';
import { ratcheted } from './ratcheting.ts';

/** A machine that runs pods. */
export type Node = core.Node;

const validateNodeFields = ratcheted(validateNode, [keptAddresses]);

/** core/v1 Node. */
export const Node = defineKind<Node>({
  group: '',
  version: 'v1',
  kind: 'Node',
  plural: 'nodes',
  shortNames: ['no'],
  scope: 'Cluster',
  schema: 'core/v1.Node',
  subresources: {
    status: true,
    proxy: {
      verbs: ['create', 'delete', 'get', 'patch', 'update'],
      group: '',
      version: 'v1',
      kind: 'NodeProxyOptions',
    },
  },
  defaults(node) {
    const { capacity, allocatable } = node.status;
    if (capacity && !allocatable) node.status.allocatable = { ...capacity };
    // Older clients write podCIDR, newer ones podCIDRs: its first element is the same, and podCIDR wins.
    const { podCIDR, podCIDRs } = node.spec;
    if (podCIDR && podCIDR !== podCIDRs?.[0]) node.spec.podCIDRs = [podCIDR];
    else if (!podCIDR && podCIDRs?.length) node.spec.podCIDR = podCIDRs[0]!;
  },
  prepareCreate(node) {
    // Nothing reads it any more; nodes that have it keep it.
    delete node.spec.configSource;
  },
  prepareUpdate(node, old) {
    if (!old.spec.configSource) delete node.spec.configSource;
  },
  validate: validateNodeFields,
  validateUpdate: validateNodeUpdate,
  validateStatusUpdate: (node, old) => [...validateNodeFields(node, old), ...validateNodeUpdate(node, old)],
  columns: [
    nameColumn,
    textColumn('Status', nodeStatus),
    textColumn('Roles', nodeRoles),
    ageColumn,
    textColumn('Version', (n) => n.status.nodeInfo.kubeletVersion),
    textColumn('Internal-IP', (n) => address(n, 'InternalIP'), 1),
    textColumn('External-IP', (n) => address(n, 'ExternalIP'), 1),
    textColumn('OS-Image', (n) => n.status.nodeInfo.osImage || '<unknown>', 1),
    textColumn('Kernel-Version', (n) => n.status.nodeInfo.kernelVersion || '<unknown>', 1),
    textColumn('Container-Runtime', (n) => n.status.nodeInfo.containerRuntimeVersion || '<unknown>', 1),
    textColumn('Arch', (n) => n.status.nodeInfo.architecture || '<unknown>', 1),
  ],
  fieldLabels: { 'spec.unschedulable': (n) => String(n.spec.unschedulable ?? false) },
  tracksGeneration: false,
  keepsStatusOnCreate: true,
  allowUnconditionalUpdate: true,
});

function nodeStatus({ spec, status }: Shared<Node>): string {
  const ready = (status.conditions ?? []).find((c) => c.type === 'Ready');
  const text = ready ? (ready.status === 'True' ? 'Ready' : 'NotReady') : 'Unknown';
  return spec.unschedulable ? `${text},SchedulingDisabled` : text;
}

function nodeRoles({ metadata }: Shared<Node>): string {
  const prefix = 'node-role.kubernetes.io/';
  const roles = new Set<string>();
  for (const [key, value] of Object.entries(metadata.labels ?? {})) {
    if (key.startsWith(prefix) && key.length > prefix.length) roles.add(key.slice(prefix.length));
    else if (key === 'kubernetes.io/role' && value) roles.add(value);
  }
  return [...roles].sort().join(',') || '<none>';
}

function address({ status }: Shared<Node>, type: string): string {
  return status.addresses?.find((a) => a.type === type)?.address ?? '<none>';
}
