import { defineSchedulerPlugin, skip } from '../framework.ts';
import { maxNodeScore } from '../scores.ts';

const name = 'ImageLocality';
const megabyte = 1024 * 1024;
const minThreshold = 23 * megabyte;
const maxContainerThreshold = 1000 * megabyte;

/** The name under which a node lists an image: with the tag that is implied. */
function normalizedImage(image: string): string {
  return image.lastIndexOf(':') <= image.lastIndexOf('/') ? `${image}:latest` : image;
}

/** Prefers nodes that have the pod's images already, the larger the better, unless few nodes have them. */
export const imageLocality = defineSchedulerPlugin({
  name,
  order: 160,
  weight: 1,
  enabledByDefault: true,
  events: [],
  create: ({ cache }) => ({
    preScore: (_state, pod) => (pod.spec.containers.some((c) => c.image) ? undefined : skip(name)),
    score(_state, pod, node) {
      if (node.images.size === 0) return 0;
      const containers = [...(pod.spec.initContainers ?? []), ...pod.spec.containers];
      let sum = 0;
      for (const container of containers) {
        const image = normalizedImage(container.image ?? '');
        const size = node.images.get(image);
        if (size === undefined) continue;
        let nodesWithIt = 0;
        for (const other of cache.nodes()) if (other.images.has(image)) nodesWithIt++;
        sum += Math.trunc(size * (nodesWithIt / cache.nodeCount));
      }
      const max = maxContainerThreshold * containers.length;
      const clamped = Math.min(max, Math.max(minThreshold, sum));
      return Math.trunc((maxNodeScore * (clamped - minThreshold)) / (max - minThreshold));
    },
  }),
});
