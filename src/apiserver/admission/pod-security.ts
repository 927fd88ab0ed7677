import { Namespace } from '../../api/core/namespace.ts';
import { Pod } from '../../api/core/pod.ts';
import type { Shared } from '../../api/kind.ts';
import { invalidObject } from '../../api/machinery/status.ts';
import type { PodTemplateSpec } from '../../api/types/core-v1.ts';
import { deepEqual } from '../../base/deep.ts';
import { type AdmissionEnvironment, type AdmissionRequest, defineAdmissionPlugin } from './admission.ts';
import type { CheckedPod } from './pod-security/check.ts';
import {
  type Level,
  type LevelVersion,
  levelText,
  type Mode,
  type PodSecurityPolicy,
  parseVersion,
  policyOfLabels,
  violations,
  violationText,
} from './pod-security/levels.ts';
import { refusal } from './refusal.ts';

/** pod-security.admission.config.k8s.io/v1 PodSecurityConfiguration. */
interface PodSecurityConfiguration {
  readonly defaults?: Readonly<Record<string, string>>;
  readonly exemptions?: {
    readonly usernames?: readonly string[];
    readonly runtimeClasses?: readonly string[];
    readonly namespaces?: readonly string[];
  };
}

/** Workloads whose templates are looked at for warnings and audit. */
const workloads: ReadonlySet<string> = new Set([
  'replicationcontrollers',
  'podtemplates',
  'replicasets.apps',
  'deployments.apps',
  'daemonsets.apps',
  'statefulsets.apps',
  'jobs.batch',
  'cronjobs.batch',
]);

const key = ({ group, plural }: { group: string; plural: string }) => (group ? `${plural}.${group}` : plural);
const annotationPrefix = 'pod-security.kubernetes.io/';
/** Pods of a namespace that are looked at when its level is raised, as upstream limits it. */
const maxPodsChecked = 3000;

/** Holds pods to the level of the Pod Security Standards that their namespace's labels set. */
export const podSecurity = defineAdmissionPlugin({
  name: 'PodSecurity',
  order: 120,
  enabledByDefault: true,
  handles({ operation, resource, subresource }) {
    if (operation !== 'CREATE' && operation !== 'UPDATE') return false;
    const name = key(resource);
    if (name === 'pods') return subresource === '' || subresource === 'ephemeralcontainers' || subresource === 'resize';
    return subresource === '' && (name === 'namespaces' || workloads.has(name));
  },
  create(environment) {
    const namespaces = environment.informers.informer(Namespace);
    const settings = readConfiguration(environment.configuration as PodSecurityConfiguration | undefined);
    return {
      validate(request) {
        const { resource } = request;
        if (key(resource) === 'namespaces') return validateNamespace(environment, settings, request);
        const known = namespaces.get(undefined, request.namespace);
        if (known) return evaluate(settings, request, known);
        return environment.client
          .find(Namespace, { name: request.namespace })
          .then((found) => evaluate(settings, request, found));
      },
    };
  },
});

interface Settings {
  readonly defaults: PodSecurityPolicy;
  readonly usernames: ReadonlySet<string>;
  readonly runtimeClasses: ReadonlySet<string>;
  readonly namespaces: ReadonlySet<string>;
}

function readConfiguration(configuration: PodSecurityConfiguration = {}): Settings {
  const of = (mode: Mode): LevelVersion => {
    const level = configuration.defaults?.[mode] ?? 'privileged';
    const version = parseVersion(configuration.defaults?.[`${mode}-version`] ?? 'latest');
    if (!['privileged', 'baseline', 'restricted'].includes(level) || version === undefined) {
      throw new Error(
        `PodSecurity configuration: defaults.${mode} must be a level and defaults.${mode}-version latest or v1.x`,
      );
    }
    return { level: level as Level, version };
  };
  return {
    defaults: { enforce: of('enforce'), audit: of('audit'), warn: of('warn') },
    usernames: new Set(configuration.exemptions?.usernames),
    runtimeClasses: new Set(configuration.exemptions?.runtimeClasses),
    namespaces: new Set(configuration.exemptions?.namespaces),
  };
}

const isPrivileged = (policy: PodSecurityPolicy) =>
  policy.enforce.level === 'privileged' && policy.audit.level === 'privileged' && policy.warn.level === 'privileged';

/** The pod or pod template of what is written. */
function podOf(request: AdmissionRequest): CheckedPod | undefined {
  const object = request.object as unknown as { metadata: object; spec: unknown; template?: PodTemplateSpec };
  if (request.resource.plural === 'pods') return object as unknown as CheckedPod;
  if (request.resource.plural === 'podtemplates') return object.template as CheckedPod | undefined;
  const spec = object.spec as { template?: PodTemplateSpec; jobTemplate?: { spec: { template: PodTemplateSpec } } };
  return (request.resource.plural === 'cronjobs' ? spec.jobTemplate?.spec.template : spec.template) as
    | CheckedPod
    | undefined;
}

/** Changes that cannot make a pod less safe are not looked at: labels, tolerations, an active deadline. */
function isInsignificant(request: AdmissionRequest): boolean {
  const old = request.oldObject as Shared<Pod> | undefined;
  if (!old || request.operation !== 'UPDATE') return false;
  const pod = request.object as Pod;
  const facts = ({ metadata, spec }: Shared<Pod>) => ({
    containers: spec.containers,
    initContainers: spec.initContainers,
    ephemeralContainers: spec.ephemeralContainers,
    profiles: Object.entries(metadata.annotations ?? {}).filter(([name]) => name.includes('apparmor')),
  });
  return deepEqual(facts(pod), facts(old));
}

function evaluate(settings: Settings, request: AdmissionRequest, namespace: Shared<Namespace> | undefined): void {
  const { policy, errors } = policyOfLabels(namespace?.metadata.labels, settings.defaults);
  if (isPrivileged(policy)) return;
  const exempt = settings.namespaces.has(request.namespace)
    ? 'namespace'
    : settings.usernames.has(request.user.name)
      ? 'user'
      : undefined;
  if (exempt) {
    request.annotate(`${annotationPrefix}exempt`, exempt);
    return;
  }
  const isPod = request.resource.plural === 'pods';
  if (isPod && isInsignificant(request)) return;
  const pod = podOf(request);
  if (!pod) return;
  if (pod.spec.runtimeClassName && settings.runtimeClasses.has(pod.spec.runtimeClassName)) {
    request.annotate(`${annotationPrefix}exempt`, 'runtimeClass');
    return;
  }
  if (errors.length) {
    request.annotate(`${annotationPrefix}error`, `Failed to parse policy: ${errors.map((e) => e.path).join(', ')}`);
  }
  const known = new Map<string, string>();
  const found = (target: LevelVersion): string => {
    const name = levelText(target);
    let text = known.get(name);
    if (text === undefined) {
      text = violationText(violations(pod, target));
      known.set(name, text);
    }
    return text;
  };
  const audited = found(policy.audit);
  if (audited) {
    request.annotate(
      `${annotationPrefix}audit-violations`,
      `would violate PodSecurity ${JSON.stringify(levelText(policy.audit))}: ${audited}`,
    );
  }
  if (isPod) {
    request.annotate(`${annotationPrefix}enforce-policy`, levelText(policy.enforce));
    const enforced = found(policy.enforce);
    if (enforced) {
      throw refusal(request, `violates PodSecurity ${JSON.stringify(levelText(policy.enforce))}: ${enforced}`);
    }
  }
  const warned = found(policy.warn);
  if (warned) request.warn(`would violate PodSecurity ${JSON.stringify(levelText(policy.warn))}: ${warned}`);
}

async function validateNamespace(
  environment: AdmissionEnvironment,
  settings: Settings,
  request: AdmissionRequest,
): Promise<void> {
  const namespace = request.object as Namespace;
  const { policy, errors } = policyOfLabels(namespace.metadata.labels, settings.defaults);
  const before = policyOfLabels(request.oldObject?.metadata.labels, settings.defaults);
  const isUpdate = request.operation === 'UPDATE';
  // Labels that were wrong before do not keep the namespace from being changed or deleted.
  const fresh = errors.filter(
    (error) => !isUpdate || !before.errors.some((old) => old.path === error.path && old.value === error.value),
  );
  if (fresh.length) throw invalidObject({ group: '', kind: 'Namespace' }, namespace.metadata.name, fresh);
  if (settings.namespaces.has(namespace.metadata.name)) {
    if (!isPrivileged(policy)) {
      request.warn(
        `namespace ${JSON.stringify(namespace.metadata.name)} is exempt from Pod Security, and the policy (enforce=${JSON.stringify(levelText(policy.enforce))}) will be ignored`,
      );
    }
    return;
  }
  if (!isUpdate || policy.enforce.level === 'privileged') return;
  if (levelText(policy.enforce) === levelText(before.policy.enforce)) return;
  const { items } = await environment.client.list(Pod, { namespace: namespace.metadata.name, limit: maxPodsChecked });
  warnOfExistingPods(items, request, { name: namespace.metadata.name, settings, target: policy.enforce });
}

function warnOfExistingPods(
  pods: readonly Shared<Pod>[],
  request: AdmissionRequest,
  { name, settings, target }: { name: string; settings: Settings; target: LevelVersion },
): void {
  const byReason = new Map<string, string[]>();
  for (const pod of pods) {
    if (pod.spec.runtimeClassName && settings.runtimeClasses.has(pod.spec.runtimeClassName)) continue;
    const reasons = violations(pod, target)
      .map(({ reason }) => reason)
      .join(', ');
    if (reasons) byReason.set(reasons, [...(byReason.get(reasons) ?? []), pod.metadata.name]);
  }
  if (byReason.size === 0) return;
  request.warn(
    `existing pods in namespace ${JSON.stringify(name)} violate the new PodSecurity enforce level ${JSON.stringify(levelText(target))}`,
  );
  const lines = [...byReason].map(([reasons, names]) => {
    const [first, ...others] = names.sort();
    const rest = others.length === 0 ? '' : ` (and ${others.length} other ${others.length === 1 ? 'pod' : 'pods'})`;
    return `${first}${rest}: ${reasons}`;
  });
  for (const line of lines.sort()) request.warn(line);
}
