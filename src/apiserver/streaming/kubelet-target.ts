/** Where the kubelet of a pod's node is, and which container a request means. */
import type { Node } from '../../api/core/node.ts';
import type { Pod } from '../../api/core/pod.ts';
import type { Shared } from '../../api/kind.ts';
import { badRequest, notFound } from '../../api/machinery/status.ts';
import type { ApiContext } from '../context.ts';
import { keyFor } from '../registry/resource.ts';
import type { RelayTarget } from './relay.ts';

const nodes = { group: '', plural: 'nodes' };
const defaultKubeletPort = 10250;
/** As upstream's --kubelet-preferred-address-types, the address that needs no name service first. */
const addressTypes = ['InternalIP', 'ExternalIP', 'Hostname', 'InternalDNS', 'ExternalDNS'];

/** The URL and credentials of a node's kubelet; throws 404 for a node that is not there. */
export function kubeletOf(api: ApiContext, nodeName: string): Pick<RelayTarget, 'origin' | 'tls'> {
  const stored = api.registry.storage('', 'nodes')!;
  const entry = stored.cache.get(keyFor(stored, '', nodeName));
  if (!entry) throw notFound(nodes, nodeName);
  const node = entry.object as unknown as Shared<Node>;
  const found = addressTypes
    .map((type) => node.status.addresses?.find((address) => address.type === type)?.address)
    .find((address) => address);
  if (!found)
    throw badRequest(`no preferred addresses found; known addresses: ${JSON.stringify(node.status.addresses ?? [])}`);
  const port = node.status.daemonEndpoints?.kubeletEndpoint?.Port || defaultKubeletPort;
  const host = found.includes(':') ? `[${found}]` : found;
  const { kubeletTls } = api;
  return {
    origin: `https://${host}:${port}`,
    tls: kubeletTls ? { ca: kubeletTls.ca, cert: kubeletTls.cert, key: kubeletTls.key } : { insecure: true },
  };
}

/** The container that a request means; throws 400 where the pod leaves a choice, or has no such container. */
export function containerOf(pod: Shared<Pod>, asked: string | undefined): string {
  const names = (list: readonly { readonly name: string }[] | undefined) =>
    (list ?? []).map((container) => container.name);
  const main = names(pod.spec.containers);
  const init = names(pod.spec.initContainers);
  const ephemeral = names(pod.spec.ephemeralContainers);
  const { name } = pod.metadata;
  if (asked) {
    if (![...main, ...init, ...ephemeral].includes(asked))
      throw badRequest(`container ${asked} is not valid for pod ${name}`);
    return asked;
  }
  const preferred = pod.metadata.annotations?.['kubectl.kubernetes.io/default-container'];
  if (main.length === 1) return main[0]!;
  if (preferred && main.includes(preferred)) return preferred;
  if (main.length === 0) throw badRequest(`a container name must be specified for pod ${name}`);
  const further =
    (init.length ? ` or one of the init containers: [${init.join(' ')}]` : '') +
    (ephemeral.length ? ` or one of the ephemeral containers: [${ephemeral.join(' ')}]` : '');
  throw badRequest(`a container name must be specified for pod ${name}, choose one of: [${main.join(' ')}]${further}`);
}

/** The node that a pod runs on; throws 400 before it is scheduled. */
export function nodeOf(pod: Shared<Pod>): string {
  if (!pod.spec.nodeName) throw badRequest(`pod ${pod.metadata.name} does not have a host assigned`);
  return pod.spec.nodeName;
}
