import { Node } from '../../api/core/node.ts';
import { Pod } from '../../api/core/pod.ts';
import { quotaUsage } from '../../api/core/quota-usage.ts';
import type { Shared } from '../../api/kind.ts';
import { Quantity } from '../../api/machinery/quantity.ts';
import { StatusError } from '../../api/machinery/status.ts';
import { type AdmissionRequest, defineAdmissionPlugin } from './admission.ts';
import { isCore, refusal } from './refusal.ts';

/** A pod is not resized to more than its node could ever give, nor where containers cannot be resized at all. */
export const podResizeValidator = defineAdmissionPlugin({
  name: 'PodResizeValidator',
  order: 279,
  enabledByDefault: true,
  handles: (request) => request.operation === 'UPDATE' && isCore(request, 'pods', 'resize'),
  create({ informers, client }) {
    const nodes = informers.informer(Node);
    return {
      validate(request) {
        const pod = request.object as Pod;
        const { nodeName } = pod.spec;
        const unchanged = request.oldObject?.metadata.generation === pod.metadata.generation;
        if (!nodeName || unchanged) return;
        const node = nodes.get(undefined, nodeName);
        if (node) return check(request, pod, node);
        return client.find(Node, { name: nodeName }).then((found) => check(request, pod, found));
      },
    };
  },
});

function check(request: AdmissionRequest, pod: Pod, node: Shared<Node> | undefined): void {
  if (!node) throw refusal(request, `node ${JSON.stringify(pod.spec.nodeName)} not found`);
  const { name, labels } = node.metadata;
  const system = labels?.['kubernetes.io/os'] ?? 'linux';
  if (system !== 'linux') {
    const why = `pod resize is only supported on linux nodes, node ${JSON.stringify(name)} is ${JSON.stringify(system)}`;
    throw because('UnsupportedPlatform', refusal(request, why));
  }
  const requests = quotaUsage(Pod, pod as Shared<Pod>);
  const { allocatable = {} } = node.status;
  const lacks = (['cpu', 'memory'] as const).flatMap((resource) => {
    const asked = Quantity.parse(requests[`requests.${resource}`] ?? '0');
    const given = Quantity.parse(allocatable[resource] ?? '0');
    if (asked.cmp(given) <= 0) return [];
    const number = (quantity: Quantity) => (resource === 'cpu' ? quantity.milliValue() : quantity.value());
    return [`${resource}, requested: ${number(asked)}, allocatable: ${number(given)}`];
  });
  if (lacks.length === 0) return;
  const why = `node didn't have enough allocatable resources: ${lacks.join('; ')}`;
  throw because('NodeCapacity', refusal(request, why));
}

const because = (reason: string, { message, details }: StatusError): StatusError =>
  new StatusError('Forbidden', message, { ...details, causes: [...(details?.causes ?? []), { reason }] });
