/** The downward API: fields of the pod and resources of its containers as text. */
import type { Shared } from '../../api/kind.ts';
import { Quantity } from '../../api/machinery/quantity.ts';
import type { Container, Pod, ResourceFieldSelector } from '../../api/types/core-v1.ts';

/** What a pod cannot know of itself before it runs. */
export interface PodFacts {
  readonly podIps: readonly string[];
  readonly hostIps: readonly string[];
  readonly nodeName: string;
}

/** The text of a field; throws for a path that the downward API does not have. */
export function podFieldText(pod: Shared<Pod>, path: string, facts: PodFacts): string {
  const subscript = /^(metadata\.(?:labels|annotations))\['(.*)'\]$/.exec(path);
  if (subscript) {
    const map = subscript[1] === 'metadata.labels' ? pod.metadata.labels : pod.metadata.annotations;
    return map?.[subscript[2]!] ?? '';
  }
  switch (path) {
    case 'metadata.name':
      return pod.metadata.name!;
    case 'metadata.namespace':
      return pod.metadata.namespace!;
    case 'metadata.uid':
      return pod.metadata.uid!;
    case 'metadata.labels':
      return mapText(pod.metadata.labels);
    case 'metadata.annotations':
      return mapText(pod.metadata.annotations);
    case 'spec.nodeName':
      return facts.nodeName;
    case 'spec.serviceAccountName':
      return pod.spec.serviceAccountName ?? '';
    case 'status.hostIP':
      return facts.hostIps[0] ?? '';
    case 'status.hostIPs':
      return facts.hostIps.join(',');
    case 'status.podIP':
      return facts.podIps[0] ?? '';
    case 'status.podIPs':
      return facts.podIps.join(',');
    default:
      throw new Error(`unsupported fieldPath: ${path}`);
  }
}

/** One `key="value"` a line, sorted, with Go's quoting. */
function mapText(map: Readonly<Record<string, string>> | undefined): string {
  return Object.keys(map ?? {})
    .sort()
    .map((key) => `${key}=${JSON.stringify(map![key])}`)
    .join('\n');
}

/** The text of a container's resource, in units of the divisor, rounded up. Without a limit it is what the node has. */
export function resourceFieldText(
  containers: readonly Shared<Pick<Container, 'name' | 'resources'>>[],
  selector: Shared<ResourceFieldSelector>,
  options: { readonly containerName?: string; readonly allocatable: Readonly<Record<string, string>> },
): string {
  const name = selector.containerName || options.containerName;
  const container = containers.find((candidate) => candidate.name === name);
  if (!container) throw new Error(`container ${name} not found`);
  const [list, resource] = splitOnce(selector.resource);
  const { requests, limits } = container.resources ?? {};
  let text: string | undefined;
  if (list === 'limits') text = limits?.[resource] ?? options.allocatable[resource];
  else if (list === 'requests') text = requests?.[resource];
  else throw new Error(`unsupported container resource : ${selector.resource}`);
  const amount = Quantity.parse(text ?? '0');
  const divisor = Quantity.parse(selector.divisor && selector.divisor !== '0' ? selector.divisor : '1');
  if (resource === 'cpu') {
    return String((BigInt(amount.milliValue()) + BigInt(divisor.milliValue()) - 1n) / BigInt(divisor.milliValue()));
  }
  return String(Math.ceil(Number(amount.value()) / Number(divisor.value())));
}

function splitOnce(text: string): [string, string] {
  const dot = text.indexOf('.');
  return dot < 0 ? [text, ''] : [text.slice(0, dot), text.slice(dot + 1)];
}
