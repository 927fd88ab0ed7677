/** What upstream warns about in pods and pod templates (pkg/api/pod/warnings.go). */
import type { DeepReadonly } from '../../base/deep.ts';
import { at, child } from '../machinery/field-error.ts';
import { dns1123Label } from '../machinery/names.ts';
import { Quantity } from '../machinery/quantity.ts';
import type {
  Container,
  ContainerPort,
  NodeSelectorTerm,
  Pod,
  PodSpec,
  PodTemplateSpec,
  Volume,
} from '../types/core-v1.ts';
import { deprecatedNodeLabel } from './node-label-warnings.ts';

type SharedSpec = DeepReadonly<PodSpec>;
type Annotations = Readonly<Record<string, string>> | undefined;

/** Warnings about a pod, on create and on every update. */
export function podWarnings(pod: DeepReadonly<Pod>, old?: DeepReadonly<Pod>): string[] {
  const warnings = specWarnings(pod.spec, pod.metadata.annotations, '');
  const problems = old ? [] : dns1123Label(pod.metadata.name);
  if (problems.length) {
    warnings.unshift(
      `metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended: [${problems.join(' ')}]`,
    );
  }
  return warnings;
}

/** Warnings about the template at a path. */
export function templateWarnings(template: DeepReadonly<PodTemplateSpec>, path: string): string[] {
  return specWarnings(template.spec, template.metadata.annotations, path);
}

/** Warnings about a workload: its template, unless an update leaves that as it was, and on create its name. */
export function workloadWarnings(
  object: { readonly metadata: { readonly name: string; readonly generation?: number } },
  old: { readonly metadata: { readonly generation?: number } } | undefined,
  template: DeepReadonly<PodTemplateSpec>,
): string[] {
  if (old) {
    return object.metadata.generation === old.metadata.generation ? [] : templateWarnings(template, 'spec.template');
  }
  return [...podNameWarnings(object.metadata.name), ...templateWarnings(template, 'spec.template')];
}

/** The name of a workload is part of its pods' names. */
export function podNameWarnings(name: string): string[] {
  const problems = dns1123Label(name);
  return problems.length
    ? [
        `metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended: [${problems.join(' ')}]`,
      ]
    : [];
}

function specWarnings(spec: SharedSpec, annotations: Annotations, path: string): string[] {
  const specPath = child(path, 'spec');
  return [
    ...nodeLabelWarnings(spec, specPath),
    ...annotationWarnings(spec, annotations, path),
    ...(spec.volumes ?? []).flatMap((volume, i) => volumeWarnings(volume, at(child(specPath, 'volumes'), i))),
    ...duplicateWarnings(spec.hostAliases, 'ip', child(specPath, 'hostAliases')),
    ...duplicateWarnings(spec.imagePullSecrets, 'name', child(specPath, 'imagePullSecrets')),
    ...(spec.imagePullSecrets ?? []).flatMap(({ name }, i) =>
      name ? [] : [`${at(child(specPath, 'imagePullSecrets'), i)}.name: invalid empty name ""`],
    ),
    ...fractionWarnings(spec.overhead, child(specPath, 'overhead')),
    ...[...containersWithPaths(spec, specPath)].flatMap(([container, containerPath]) => [
      ...fractionWarnings(container.resources.limits, child(containerPath, 'resources.limits')),
      ...fractionWarnings(container.resources.requests, child(containerPath, 'resources.requests')),
      ...envWarnings(container, child(containerPath, 'env')),
    ]),
    ...portWarnings(spec, specPath),
    ...((spec.terminationGracePeriodSeconds ?? 0) < 0
      ? [
          `${specPath}.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1`,
        ]
      : []),
    ...affinityWarnings(spec, child(specPath, 'affinity')),
  ];
}

function* containersWithPaths(spec: SharedSpec, path: string): Generator<[DeepReadonly<Container>, string]> {
  for (const list of ['initContainers', 'containers', 'ephemeralContainers'] as const) {
    for (const [i, container] of (spec[list] ?? []).entries()) {
      yield [container as DeepReadonly<Container>, at(child(path, list), i)];
    }
  }
}

function nodeLabelWarnings(spec: SharedSpec, path: string): string[] {
  const warnings: string[] = [];
  for (const key of Object.keys(spec.nodeSelector ?? {})) {
    const message = deprecatedNodeLabel(key);
    if (message) warnings.push(`${at(child(path, 'nodeSelector'), key)}: ${message}`);
  }
  const affinity = spec.affinity?.nodeAffinity;
  const affinityPath = child(path, 'affinity.nodeAffinity');
  const terms = affinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  for (const [i, term] of terms.entries()) {
    const termsPath = child(affinityPath, 'requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms');
    warnings.push(...termWarnings(term, at(termsPath, i)));
  }
  for (const [i, { preference }] of (affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).entries()) {
    const listPath = child(affinityPath, 'preferredDuringSchedulingIgnoredDuringExecution');
    warnings.push(...termWarnings(preference, child(at(listPath, i), 'preference')));
  }
  for (const [i, { topologyKey, labelSelector }] of (spec.topologySpreadConstraints ?? []).entries()) {
    const itemPath = at(child(path, 'topologySpreadConstraints'), i);
    const message = deprecatedNodeLabel(topologyKey);
    if (message) warnings.push(`${itemPath}.topologyKey: ${topologyKey} is ${message}`);
    if (!labelSelector) warnings.push(`${itemPath}.labelSelector: a null labelSelector results in matching no pod`);
  }
  return warnings;
}

function termWarnings(term: DeepReadonly<NodeSelectorTerm>, path: string): string[] {
  return (term.matchExpressions ?? []).flatMap(({ key }, i) => {
    const message = deprecatedNodeLabel(key);
    return message ? [`${at(child(path, 'matchExpressions'), i)}.key: ${key} is ${message}`] : [];
  });
}

const deprecatedAnnotations = {
  'scheduler.alpha.kubernetes.io/critical-pod': 'non-functional in v1.16+; use the "priorityClassName" field instead',
  'security.alpha.kubernetes.io/sysctls': 'non-functional in v1.11+; use the "sysctls" field instead',
  'security.alpha.kubernetes.io/unsafe-sysctls': 'non-functional in v1.11+; use the "sysctls" field instead',
};

function annotationWarnings(spec: SharedSpec, annotations: Annotations, path: string): string[] {
  if (!annotations) return [];
  const warnings: string[] = [];
  const annotationsPath = child(path, 'metadata.annotations');
  const warn = (key: string, message: string) => {
    if (annotations[key] !== undefined) warnings.push(`${at(annotationsPath, key)}: ${message}`);
  };
  for (const [key, message] of Object.entries(deprecatedAnnotations)) warn(key, message);
  const seccomp = 'non-functional in v1.27+; use the "seccompProfile" field instead';
  const { securityContext } = spec;
  if (!securityContext?.seccompProfile) warn('seccomp.security.alpha.kubernetes.io/pod', seccomp);
  for (const [container] of containersWithPaths(spec, '')) {
    if (!container.securityContext?.seccompProfile) {
      warn(`container.seccomp.security.alpha.kubernetes.io/${container.name}`, seccomp);
    }
    if (!securityContext?.appArmorProfile && !container.securityContext?.appArmorProfile) {
      const message = 'deprecated since v1.30; use the "appArmorProfile" field instead';
      warn(`container.apparmor.security.beta.kubernetes.io/${container.name}`, message);
    }
  }
  return warnings;
}

const deprecatedVolumes: readonly [keyof Volume, string, string?][] = [
  ['photonPersistentDisk', 'deprecated in v1.11, non-functional in v1.16+'],
  ['gitRepo', 'deprecated in v1.11, and disabled by default in v1.33+'],
  ['scaleIO', 'deprecated in v1.16, non-functional in v1.22+'],
  ['flocker', 'deprecated in v1.22, non-functional in v1.25+'],
  ['storageos', 'deprecated in v1.22, non-functional in v1.25+', 'storageOS'],
  ['quobyte', 'deprecated in v1.22, non-functional in v1.25+'],
  ['glusterfs', 'deprecated in v1.25, non-functional in v1.26+'],
  ['cephfs', 'deprecated in v1.28, non-functional in v1.31+'],
  ['rbd', 'deprecated in v1.28, non-functional in v1.31+'],
];

function volumeWarnings(volume: DeepReadonly<Volume>, path: string): string[] {
  const warnings = deprecatedVolumes
    .filter(([name]) => volume[name] !== undefined)
    .map(([name, message, shown]) => `${child(path, shown ?? name)}: ${message}`);
  const requests = volume.ephemeral?.volumeClaimTemplate?.spec.resources.requests;
  return [
    ...warnings,
    ...storageWarnings(requests, child(path, 'ephemeral.volumeClaimTemplate.spec.resources.requests')),
  ];
}

/** A claim for a fraction of a byte. */
export function storageWarnings(requests: Readonly<Record<string, string>> | undefined, path: string): string[] {
  return fractionWarning(requests?.storage, at(path, 'storage'));
}

function fractionWarning(text: string | undefined, path: string): string[] {
  const quantity = Quantity.tryParse(text);
  return quantity && BigInt(quantity.milliValue()) % 1000n !== 0n
    ? [`${path}: fractional byte value "${quantity}" is invalid, must be an integer`]
    : [];
}

function fractionWarnings(list: Readonly<Record<string, string>> | undefined, path: string): string[] {
  return ['memory', 'ephemeral-storage'].flatMap((name) => fractionWarning(list?.[name], at(path, name)));
}

function duplicateWarnings<K extends string>(
  list: readonly { readonly [key in K]?: string }[] | undefined,
  key: K,
  path: string,
): string[] {
  const values = (list ?? []).map((element) => element[key] ?? '');
  return values.flatMap((value, i) =>
    values.indexOf(value) < i ? [`${at(path, i)}.${key}: duplicate ${key} ${JSON.stringify(value)}`] : [],
  );
}

function envWarnings({ env = [] }: DeepReadonly<Container>, path: string): string[] {
  const seen = new Set<string>();
  return env.flatMap(({ name, value = '', valueFrom }, i) => {
    if (!seen.has(name)) {
      seen.add(name);
      return [];
    }
    const reference = `$(${name})`;
    // Adding to the earlier value is what a second definition is good for.
    const extends_ = !valueFrom && value !== reference && value.includes(reference);
    return extends_
      ? []
      : [`${at(path, i)}: hides previous definition of ${JSON.stringify(name)}, which may be dropped when using apply`];
  });
}

function portWarnings(spec: SharedSpec, path: string): string[] {
  const known = new Map<string, { path: string; port: DeepReadonly<ContainerPort> }[]>();
  const warnings: string[] = [];
  for (const [container, containerPath] of containersWithPaths(spec, path)) {
    for (const [i, port] of (container.ports ?? []).entries()) {
      const portPath = at(child(containerPath, 'ports'), i);
      if (port.hostIP && !port.hostPort) {
        warnings.push(`${portPath}: hostIP set without hostPort: ${JSON.stringify(port)}`);
      }
      const key = `${port.containerPort}/${port.protocol}`;
      const others = known.get(key) ?? [];
      for (const other of others) {
        const relation = compareHostPorts(port, other.port);
        if (relation) warnings.push(`${portPath}: ${relation} port definition with ${other.path}`);
      }
      known.set(key, [...others, { path: portPath, port }]);
    }
  }
  return warnings;
}

function compareHostPorts(a: DeepReadonly<ContainerPort>, b: DeepReadonly<ContainerPort>): string | undefined {
  const [ipA = '', ipB = ''] = [a.hostIP, b.hostIP];
  const [portA = 0, portB = 0] = [a.hostPort, b.hostPort];
  if (ipA === ipB && portA === portB) return 'duplicate';
  if (portA === 0 || portB === 0) return 'overlapping';
  const anyAddress = (ip: string) => ip === '' || ip === '0.0.0.0' || ip === '::';
  return portA === portB && (anyAddress(ipA) || anyAddress(ipB)) ? 'dangerously ambiguous' : undefined;
}

function affinityWarnings({ affinity }: SharedSpec, path: string): string[] {
  const warnings: string[] = [];
  for (const name of ['podAffinity', 'podAntiAffinity'] as const) {
    const terms = affinity?.[name];
    const warn = (termPath: string) =>
      warnings.push(`${termPath}.labelSelector: a null labelSelector results in matching no pod`);
    for (const [i, term] of (terms?.requiredDuringSchedulingIgnoredDuringExecution ?? []).entries()) {
      const listPath = child(child(path, name), 'requiredDuringSchedulingIgnoredDuringExecution');
      if (!term.labelSelector) warn(at(listPath, i));
    }
    for (const [i, { podAffinityTerm }] of (terms?.preferredDuringSchedulingIgnoredDuringExecution ?? []).entries()) {
      const listPath = child(child(path, name), 'preferredDuringSchedulingIgnoredDuringExecution');
      if (!podAffinityTerm.labelSelector) warn(`${at(listPath, i)}.podAffinityTerm`);
    }
  }
  return warnings;
}
