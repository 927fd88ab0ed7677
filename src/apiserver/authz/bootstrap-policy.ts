/** Putting the default policy in place at start, and mending it where it was changed (upstream's rbac post-start hook). */

import { Namespace } from '../../api/core/namespace.ts';
import type { KindRef, KubeObject, Shared } from '../../api/kind.ts';
import { isAlreadyExists, isConflict, isNotFound } from '../../api/machinery/status.ts';
import { ClusterRole } from '../../api/rbac/cluster-role.ts';
import { ClusterRoleBinding } from '../../api/rbac/cluster-role-binding.ts';
import { Role } from '../../api/rbac/role.ts';
import { RoleBinding } from '../../api/rbac/role-binding.ts';
import type { LabelSelector } from '../../api/types/meta-v1.ts';
import type { PolicyRule, RoleRef, Subject } from '../../api/types/rbac-v1.ts';
import { deepEqual, mutableCopy } from '../../base/deep.ts';
import type { Logger } from '../../base/log.ts';
import type { Client, Draft } from '../../client/client.ts';
import { type ControllerRules, controllerRoles } from './controller-roles.ts';
import {
  type BindingText,
  defaultClusterRoleBindings,
  defaultRoleBindings,
  defaultRoles,
  nodeJoinBindings,
} from './default-bindings.ts';
import { defaultClusterRoles } from './default-cluster-roles.ts';
import { formatRule, formatSubject, type RoleText } from './policy-text.ts';
import { uncoveredRules } from './rule-match.ts';

const autoUpdate = 'rbac.authorization.kubernetes.io/autoupdate';
const rbacGroup = 'rbac.authorization.k8s.io';

interface PolicyMetadata {
  readonly name: string;
  readonly namespace?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface PolicyRole {
  readonly metadata: PolicyMetadata;
  readonly rules: PolicyRule[];
  readonly aggregationRule?: { clusterRoleSelectors: LabelSelector[] };
}

export interface PolicyBinding {
  readonly metadata: PolicyMetadata;
  readonly roleRef: RoleRef;
  readonly subjects: Subject[];
}

export interface DefaultPolicy {
  readonly clusterRoles: readonly PolicyRole[];
  readonly clusterRoleBindings: readonly PolicyBinding[];
  readonly roles: readonly PolicyRole[];
  readonly roleBindings: readonly PolicyBinding[];
}

const metadata = (name: string, labels: Readonly<Record<string, string>> = {}, namespace?: string): PolicyMetadata => ({
  name,
  ...(namespace ? { namespace } : {}),
  labels: { 'kubernetes.io/bootstrapping': 'rbac-defaults', ...labels },
  annotations: { [autoUpdate]: 'true' },
});

const asRole = (text: RoleText, namespace?: string): PolicyRole => ({
  metadata: metadata(text.name, text.labels, namespace),
  rules: (text.rules ?? []).map(formatRule),
  ...(text.aggregates ? { aggregationRule: { clusterRoleSelectors: [{ matchLabels: { ...text.aggregates } }] } } : {}),
});

const asBinding = (text: BindingText, kind: string, namespace?: string): PolicyBinding => ({
  metadata: metadata(text.name, {}, namespace),
  roleRef: { apiGroup: rbacGroup, kind, name: text.role ?? text.name },
  subjects: text.subjects.map(formatSubject),
});

/** Everything that a new cluster is given, with a role and binding for each of the controllers. */
export function defaultPolicy(controllers: readonly ControllerRules[] = []): DefaultPolicy {
  const controllersRoles = controllerRoles(controllers);
  const namespaced = <T, R>(by: Readonly<Record<string, readonly T[]>>, make: (text: T, namespace: string) => R) =>
    Object.entries(by).flatMap(([namespace, texts]) => texts.map((text) => make(text, namespace)));
  return {
    clusterRoles: [
      ...defaultClusterRoles.map((text) => asRole(text)),
      ...controllersRoles.map(({ name, rules }) => ({ metadata: metadata(name), rules })),
    ],
    clusterRoleBindings: [
      ...[...defaultClusterRoleBindings, ...nodeJoinBindings].map((text) => asBinding(text, 'ClusterRole')),
      ...controllersRoles.map(({ name, account }) =>
        asBinding({ name, subjects: [`ServiceAccount:kube-system/${account}`] }, 'ClusterRole'),
      ),
    ],
    roles: namespaced(defaultRoles, asRole),
    roleBindings: namespaced(defaultRoleBindings, (text, namespace) => asBinding(text, 'Role', namespace)),
  };
}

const sameSubject = (a: Shared<Subject>, b: Shared<Subject>) =>
  a.kind === b.kind && a.name === b.name && (a.namespace ?? '') === (b.namespace ?? '');

/** The role with what it lacks of the default, or undefined where it lacks nothing. Nothing is taken away. */
export function mendRole(found: Shared<ClusterRole>, wanted: PolicyRole): ClusterRole | undefined {
  const selectors = found.aggregationRule?.clusterRoleSelectors ?? [];
  const missingSelectors = (wanted.aggregationRule?.clusterRoleSelectors ?? []).filter(
    (selector) => !selectors.some((mine) => deepEqual(mine, selector)),
  );
  const missingRules = wanted.aggregationRule ? [] : uncoveredRules(found.rules ?? [], wanted.rules);
  const missingMarks = missingMetadata(found.metadata, wanted.metadata);
  if (!missingMarks && missingRules.length === 0 && missingSelectors.length === 0) return undefined;
  const mended = mutableCopy(found) as ClusterRole;
  addMetadata(mended, wanted.metadata);
  mended.rules = [...(mended.rules ?? []), ...missingRules];
  if (wanted.aggregationRule) {
    mended.aggregationRule = {
      clusterRoleSelectors: [...(mended.aggregationRule?.clusterRoleSelectors ?? []), ...missingSelectors],
    };
  }
  return mended;
}

/** The binding with the subjects it lacks, or undefined. A binding to another role must be made anew: 'recreate'. */
export function mendBinding(
  found: Shared<ClusterRoleBinding>,
  wanted: PolicyBinding,
): ClusterRoleBinding | 'recreate' | undefined {
  if (found.roleRef.kind !== wanted.roleRef.kind || found.roleRef.name !== wanted.roleRef.name) return 'recreate';
  const missing = wanted.subjects.filter(
    (subject) => !(found.subjects ?? []).some((mine) => sameSubject(mine, subject)),
  );
  if (missing.length === 0 && !missingMetadata(found.metadata, wanted.metadata)) return undefined;
  const mended = mutableCopy(found) as ClusterRoleBinding;
  addMetadata(mended, wanted.metadata);
  mended.subjects = [...(mended.subjects ?? []), ...missing];
  return mended;
}

type Marked = {
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
};

/** Labels and annotations that somebody has set to another value stay as they are. */
function missingMetadata(found: Marked, wanted: PolicyMetadata): boolean {
  const lacks = (have: Readonly<Record<string, string>> | undefined, want: Readonly<Record<string, string>>) =>
    Object.keys(want).some((key) => have?.[key] === undefined);
  return lacks(found.labels, wanted.labels) || lacks(found.annotations, wanted.annotations);
}

function addMetadata(
  object: { metadata: { labels?: Record<string, string>; annotations?: Record<string, string> } },
  wanted: PolicyMetadata,
): void {
  object.metadata.labels = { ...wanted.labels, ...object.metadata.labels };
  object.metadata.annotations = { ...wanted.annotations, ...object.metadata.annotations };
}

/**
 * Creates what is missing of the default policy, adds missing rules and subjects to what is there, and leaves alone
 * what is annotated `rbac.authorization.kubernetes.io/autoupdate: "false"`. Safe to run on several servers at once.
 */
export async function reconcileBootstrapPolicy(
  client: Client,
  { controllers = [], log }: { controllers?: readonly ControllerRules[]; log: Logger },
): Promise<void> {
  const policy = defaultPolicy(controllers);
  await Promise.all([
    reconcile(client, ClusterRole, policy.clusterRoles, mendRole),
    reconcile(client, ClusterRoleBinding, policy.clusterRoleBindings, mendBinding),
    ...['kube-system', 'kube-public'].map((name) => ensureNamespace(client, name)),
  ]);
  await Promise.all([
    reconcile(client, Role, policy.roles, (found, wanted) => mendRole(found as never, wanted) as Role | undefined),
    reconcile(
      client,
      RoleBinding,
      policy.roleBindings,
      (found, wanted) => mendBinding(found as never, wanted) as RoleBinding | 'recreate' | undefined,
    ),
  ]);
  log.debug('default RBAC policy is in place', { clusterRoles: policy.clusterRoles.length });
}

async function ensureNamespace(client: Client, name: string): Promise<void> {
  if (await client.find(Namespace, { name })) return;
  await ignore(isAlreadyExists, () => client.create(Namespace, { metadata: { name } }));
}

async function reconcile<T extends KubeObject, W extends PolicyRole | PolicyBinding>(
  client: Client,
  kind: KindRef<T>,
  wanted: readonly W[],
  mend: (found: Shared<T>, wanted: W) => T | 'recreate' | undefined,
): Promise<void> {
  const key = (m: { namespace?: string | undefined; name: string }) => `${m.namespace ?? ''}/${m.name}`;
  const list = await client.list(kind);
  const found = new Map(list.items.map((item) => [key(item.metadata), item]));
  await Promise.all(
    wanted.map(async (one) => {
      const create = () => ignore(isAlreadyExists, () => client.create(kind, one as unknown as Draft<T>));
      const existing = found.get(key(one.metadata));
      if (!existing) return create();
      if (existing.metadata.annotations?.[autoUpdate] === 'false') return;
      const mended = mend(existing, one);
      if (mended === undefined) return;
      if (mended !== 'recreate') {
        await ignore(isConflict, () => client.update(kind, mended as unknown as Shared<T>));
        return;
      }
      const { namespace, name, uid } = existing.metadata;
      await ignore(isNotFound, () =>
        client.delete(kind, { ...(namespace ? { namespace } : {}), name }, { preconditions: { uid } }),
      );
      await create();
    }),
  );
}

/** Another server may have done the same at the same moment. */
async function ignore(expected: (error: unknown) => boolean, act: () => Promise<unknown>): Promise<void> {
  try {
    await act();
  } catch (error) {
    if (!expected(error)) throw error;
  }
}
