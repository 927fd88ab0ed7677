import type { Shared } from '../../api/kind.ts';
import type { Pod } from '../../api/types/core-v1.ts';
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
    preScore(state, pod) {
      const names = imagesOf(pod);
      if (names.length === 0) return skip(name);
      state.set(name, names);
      return undefined;
    },
    score(state, _pod, node) {
      if (node.images.size === 0) return 0;
      const names = state.get(name) as readonly string[];
      let sum = 0;
      for (const image of names) {
        const size = node.images.get(image);
        if (size !== undefined) sum += Math.trunc(size * (cache.nodesWithImage(image) / cache.nodeCount));
      }
      const max = maxContainerThreshold * names.length;
      const clamped = Math.min(max, Math.max(minThreshold, sum));
      return Math.trunc((maxNodeScore * (clamped - minThreshold)) / (max - minThreshold));
    },
  }),
});

/** The images of a pod's containers and image volumes, as nodes list them. */
function imagesOf({ spec }: Shared<Pod>): string[] {
  const containers = [...(spec.initContainers ?? []), ...spec.containers].map(({ image }) => image);
  const volumes = (spec.volumes ?? []).map(({ image }) => image?.reference);
  return [...containers, ...volumes].filter((image) => image !== undefined).map(normalizedImage);
}
