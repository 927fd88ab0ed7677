/** Which extension points a plugin has, found without a cluster. */
import { type ExtensionPoint, extensionPoints, type SchedulerEnvironment, type SchedulerPlugin } from './framework.ts';

/** Stands for whatever a plugin is made with: every property and every answer is the same nothing again. */
const nothing: unknown = new Proxy(() => {}, {
  get: (_, key) => (key === Symbol.iterator ? () => [][Symbol.iterator]() : nothing),
  apply: () => nothing,
});

const inert = new Proxy({}, { get: (_, key) => (key === 'args' ? {} : nothing) }) as SchedulerEnvironment;

const found = new WeakMap<SchedulerPlugin, readonly ExtensionPoint[]>();

export function pointsOf(plugin: SchedulerPlugin): readonly ExtensionPoint[] {
  let points = found.get(plugin);
  if (!points) {
    const running = plugin.create(inert);
    points = extensionPoints.filter((point) => running[point] !== undefined);
    found.set(plugin, points);
  }
  return points;
}
