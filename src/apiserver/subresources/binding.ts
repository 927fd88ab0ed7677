/** Binding a pod to a node: the scheduler's one write. */
import type { Pod } from '../../api/core/pod.ts';
import type { KubeObject, Shared } from '../../api/kind.ts';
import { notSupported, required } from '../../api/machinery/field-error.ts';
import { badRequest, conflict, invalidObject } from '../../api/machinery/status.ts';
import { structSchema } from '../../api/schema/schema.ts';
import type { Binding } from '../../api/types/core-v1.ts';
import { formatTime } from '../../base/clock.ts';
import { mutableCopy } from '../../base/deep.ts';
import type { ApiContext } from '../context.ts';
import { decodeBody } from '../verbs/body.ts';
import type { Answer, Call } from '../verbs/call.ts';
import { checkWriteOptions } from '../verbs/call-options.ts';
import { changeObject } from '../verbs/update.ts';

const status = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 };

/** POST pods/NAME/binding, and POST bindings, where the body names the pod. */
export async function bindPod(api: ApiContext, call: Call): Promise<Answer> {
  checkWriteOptions(call.options, 'CreateOptions');
  const schema = { struct: structSchema('core/v1.Binding'), apiVersion: 'v1', kind: 'Binding' };
  const body = decodeBody(call, schema);
  const binding = body as unknown as Binding;
  const name = call.subresource ? call.name : binding.metadata.name;
  if (!name) throw badRequest('name is required');
  if (call.subresource && binding.metadata.name && binding.metadata.name !== call.name)
    throw badRequest(
      `name in URL does not match name in Binding object: ${JSON.stringify(call.name)} != ${JSON.stringify(binding.metadata.name)}`,
    );
  const { target } = binding;
  if (target.kind && target.kind !== 'Node')
    throw invalidObject({ group: '', kind: 'Binding' }, name, [
      notSupported('target.kind', target.kind, ['Node', '<empty>']),
    ]);
  if (!target.name) throw invalidObject({ group: '', kind: 'Binding' }, name, [required('target.name')]);

  const pods = api.registry.resolve('', 'v1', 'pods')!;
  const bindingKind = api.registry.resolve('', 'v1', 'bindings')?.hub ?? call.resource.hub;
  const podCall: Call = { ...call, resource: pods, name, subresource: 'binding' };
  body.metadata.namespace = call.namespace;
  await changeObject(api, podCall, {
    apply: (old) => assign(api, old as unknown as Shared<Pod>, binding) as unknown as KubeObject,
    scope: 'as-applied',
    recordFields: true,
    optionsKind: 'CreateOptions',
    admission: { operation: 'CREATE', kind: bindingKind, object: body, settle: takeMetadata },
  });
  return { code: 201, object: status };
}

/** A binding's labels and annotations become the pod's. */
function takeMetadata(
  pod: KubeObject,
  binding: { readonly metadata: Pick<KubeObject['metadata'], 'annotations' | 'labels'> },
): void {
  const { annotations, labels } = binding.metadata;
  if (annotations) pod.metadata.annotations = { ...pod.metadata.annotations, ...annotations };
  if (labels) pod.metadata.labels = { ...pod.metadata.labels, ...labels };
}

function assign(api: ApiContext, old: Shared<Pod>, binding: Binding): Pod {
  const pods = { group: '', plural: 'pods' };
  const { name, uid, resourceVersion } = old.metadata;
  if (binding.metadata.uid && binding.metadata.uid !== uid)
    throw conflict(
      pods,
      name,
      `Precondition failed: UID in precondition: ${binding.metadata.uid}, UID in object meta: ${uid}`,
    );
  if (binding.metadata.resourceVersion && binding.metadata.resourceVersion !== resourceVersion)
    throw conflict(
      pods,
      name,
      'the object has been modified; please apply your changes to the latest version and try again',
    );
  if (old.metadata.deletionTimestamp)
    throw conflict(pods, name, `pod ${name} is being deleted, cannot be assigned to a host`);
  if (old.spec.nodeName)
    throw conflict(pods, name, `pod ${name} is already assigned to node ${JSON.stringify(old.spec.nodeName)}`);
  if (old.spec.schedulingGates?.length) throw conflict(pods, name, `pod ${name} has non-empty .spec.schedulingGates`);
  const pod = mutableCopy(old) as Pod;
  pod.metadata.resourceVersion = '';
  pod.spec.nodeName = binding.target.name!;
  takeMetadata(pod, binding);
  const conditions = pod.status.conditions ?? [];
  const before = conditions.find((condition) => condition.type === 'PodScheduled');
  if (before?.status !== 'True') {
    pod.status.conditions = [
      ...conditions.filter((condition) => condition !== before),
      { type: 'PodScheduled', status: 'True', lastTransitionTime: formatTime(api.clock.now()) },
    ];
  }
  return pod;
}
