/** `timonel explain KIND/NAME`: why an object is not as it should be, and what would have to change. */
import { SubjectAccessReview } from '../../api/authorization/subject-access-review.ts';
import { Event } from '../../api/core/event.ts';
import type { Pod } from '../../api/core/pod.ts';
import type { KindRef, KubeObject, Shared } from '../../api/kind.ts';
import { builtinKinds } from '../../api/kinds.gen.ts';
import { type Clock, realClock } from '../../base/clock.ts';
import { type Random, realRandom } from '../../base/random.ts';
import type { Client } from '../../client/client.ts';
import { adminClient } from '../../cluster/admin-client.ts';
import { UserError } from '../../cluster/config.ts';
import { findCluster } from '../../cluster/find.ts';
import { explainPlacement } from '../../scheduler/explain.ts';

export interface ExplainOptions {
  readonly namespace: string;
  /** Explains what this user may do with the object, instead. */
  readonly as?: string;
  readonly asGroup?: readonly string[];
  readonly verb: string;
}

interface CommandOptions extends ExplainOptions {
  readonly name?: string;
  readonly dataDir?: string;
}

export async function explain(target: string, options: CommandOptions): Promise<void> {
  const client = adminClient(findCluster(options));
  try {
    const lines = await explainObject(client, target, { ...options, clock: realClock, random: realRandom });
    process.stdout.write(`${lines.join('\n')}\n`);
  } finally {
    await client.transport.close();
  }
}

/** The explanation, line by line. */
export async function explainObject(
  client: Client,
  target: string,
  options: ExplainOptions & { readonly clock: Clock; readonly random: Random },
): Promise<string[]> {
  const [kindName = '', name = ''] = target.split('/');
  const kind = kindOf(kindName);
  if (!kind || !name) throw new UserError(`"${target}" names no object; write it as pod/web or deployment/web`);
  const ref = { ...(kind.namespaced ? { namespace: options.namespace } : {}), name };
  if (options.as) return explainAccess(client, kind, { ...options, as: options.as, name });
  const object = await client.find<KubeObject>(kind, ref);
  if (!object)
    throw new UserError(`there is no ${kind.kind} "${name}"${kind.namespaced ? ` in ${options.namespace}` : ''}`);
  const lines = [...explainDeletion(object)];
  if (kind.kind === 'Pod') {
    const pod = object as Shared<KubeObject> as unknown as Shared<Pod>;
    lines.push(
      ...(pod.spec.nodeName ? await explainReadiness(client, pod) : await explainPending(client, pod, options)),
    );
  } else lines.push(...explainConditions(object));
  return lines.length ? lines : [`${kind.kind} ${name} is as it should be.`];
}

function kindOf(text: string): KindRef | undefined {
  const wanted = text.toLowerCase();
  return builtinKinds.find(
    (kind) =>
      kind.plural === wanted ||
      kind.singular === wanted ||
      kind.kind.toLowerCase() === wanted ||
      kind.shortNames?.includes(wanted),
  ) as KindRef | undefined;
}

function explainDeletion({ kind, metadata }: Shared<KubeObject>): string[] {
  if (!metadata.deletionTimestamp) return [];
  const finalizers = metadata.finalizers ?? [];
  if (finalizers.length)
    return [
      `It is being deleted since ${metadata.deletionTimestamp}, and waits for ${finalizers.length === 1 ? 'this finalizer' : 'these finalizers'} to be removed by whoever set it:`,
      ...finalizers.map((finalizer) => `  ${finalizer}`),
    ];
  return [
    kind === 'Pod'
      ? `It is being deleted: its containers have until ${metadata.deletionTimestamp} to stop, then its node's agent removes it.`
      : `It is being deleted since ${metadata.deletionTimestamp}.`,
  ];
}

async function explainPending(
  client: Client,
  pod: Shared<Pod>,
  environment: { readonly clock: Clock; readonly random: Random },
): Promise<string[]> {
  const { everywhere, nodes } = await explainPlacement(client, pod, environment);
  const fitting = nodes.filter(({ objections }) => objections.length === 0);
  const lines = [`Pod ${pod.metadata.name} has no node. It fits on ${fitting.length} of ${nodes.length} nodes.`];
  for (const { plugin, reasons, remedies } of everywhere) {
    lines.push(`  on every node  ${plugin}: ${reasons.join(', ')}`);
    for (const remedy of remedies) lines.push(`      → ${remedy}`);
  }
  for (const { node, objections } of nodes) {
    lines.push(
      `  ${node}${objections.length ? '' : `  fits${everywhere.length ? ', were it not for the above' : ''}`}`,
    );
    for (const { plugin, reasons, remedies } of objections) {
      lines.push(`    ${plugin}: ${reasons.join(', ')}`);
      for (const remedy of remedies) lines.push(`      → ${remedy}`);
    }
  }
  return lines;
}

async function explainReadiness(client: Client, pod: Shared<Pod>): Promise<string[]> {
  const ready = pod.status.conditions?.find((condition) => condition.type === 'Ready');
  if (ready?.status === 'True' || pod.status.phase === 'Succeeded') return [];
  const lines = [
    `Pod ${pod.metadata.name} on ${pod.spec.nodeName} is not ready${ready?.message ? `: ${ready.message}` : '.'}`,
  ];
  for (const status of [...(pod.status.initContainerStatuses ?? []), ...(pod.status.containerStatuses ?? [])]) {
    const { waiting, terminated } = status.state ?? {};
    const last = status.lastState?.terminated;
    const finished = terminated && terminated.exitCode === 0;
    if (status.ready || finished) continue;
    if (waiting)
      lines.push(`  container ${status.name} waits: ${waiting.reason ?? ''} ${waiting.message ?? ''}`.trimEnd());
    else if (terminated)
      lines.push(`  container ${status.name} ended with exit code ${terminated.exitCode} (${terminated.reason ?? ''})`);
    else
      lines.push(
        `  container ${status.name} runs, but its ${status.started ? 'readiness' : 'startup'} probe has not succeeded`,
      );
    if (last)
      lines.push(
        `      before that it ended with exit code ${last.exitCode} (${last.reason ?? ''}), ${status.restartCount} restarts`,
      );
  }
  for (const gate of pod.spec.readinessGates ?? []) {
    const met = pod.status.conditions?.some((c) => c.type === gate.conditionType && c.status === 'True');
    if (!met) lines.push(`  readiness gate ${gate.conditionType} is not True`);
  }
  const { items } = await client.list(Event, {
    namespace: pod.metadata.namespace,
    fieldSelector: `involvedObject.uid=${pod.metadata.uid},type=Warning`,
  });
  const warnings = new Set(items.map((event) => `  ${event.reason ?? ''}: ${event.message ?? ''}`));
  lines.push(...[...warnings].slice(-5));
  return lines;
}

/** Conditions that say that something is wrong, as most kinds have them. */
function explainConditions(object: Shared<KubeObject>): string[] {
  const { status } = object as { readonly status?: { readonly conditions?: readonly Condition[] } };
  const good = new Set(['Available', 'Progressing', 'Ready', 'Complete', 'Established', 'NamesAccepted', 'Approved']);
  return (status?.conditions ?? [])
    .filter((c) =>
      good.has(c.type)
        ? c.status !== 'True'
        : c.status === 'True' && /Failure|Failed|Pressure|Unavailable/.test(c.type),
    )
    .map((c) => `  ${c.type} is ${c.status}${c.reason ? ` (${c.reason})` : ''}${c.message ? `: ${c.message}` : ''}`);
}

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
}

async function explainAccess(
  client: Client,
  kind: KindRef,
  { as, asGroup = [], verb, namespace, name }: ExplainOptions & { readonly as: string; readonly name: string },
): Promise<string[]> {
  const review = await client.create(SubjectAccessReview, {
    spec: {
      user: as,
      groups: [...asGroup],
      resourceAttributes: {
        verb,
        group: kind.group,
        version: kind.version,
        resource: kind.plural,
        name,
        ...(kind.namespaced ? { namespace } : {}),
      },
    },
  });
  const what = `${verb} ${kind.plural}${kind.group ? `.${kind.group}` : ''} "${name}"`;
  if (review.status?.allowed) return [`${as} may ${what}: ${review.status.reason || 'allowed'}`];
  const resource = `${kind.plural}${kind.group ? `.${kind.group}` : ''}`;
  const role = `${as.replace(/[^a-z0-9]+/gi, '-').toLowerCase()}-${verb}-${kind.plural}`;
  const scope = kind.namespaced
    ? { role: 'role', binding: 'rolebinding', flags: ` -n ${namespace}` }
    : { role: 'clusterrole', binding: 'clusterrolebinding', flags: '' };
  return [
    `${as} may not ${what}${review.status?.reason ? `: ${review.status.reason}` : ''}.`,
    `  No role bound to ${[as, ...asGroup].join(' or ')} has this rule:`,
    `    apiGroups: ["${kind.group}"]  resources: ["${kind.plural}"]  verbs: ["${verb}"]`,
    `  → kubectl create ${scope.role} ${role} --verb=${verb} --resource=${resource}${scope.flags}`,
    `  → kubectl create ${scope.binding} ${role} --${scope.role}=${role} --user=${as}${scope.flags}`,
  ];
}
