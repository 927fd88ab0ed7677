/** The order of API groups: what clients prefer where several have a resource. */

/** Upstream's group priorities (APIService groupPriorityMinimum); groups of definitions have 1000. */
const priorities: Readonly<Record<string, number>> = {
  'apiregistration.k8s.io': 20000,
  '': 18000,
  apps: 17800,
  'events.k8s.io': 17750,
  'authentication.k8s.io': 17700,
  'authorization.k8s.io': 17600,
  autoscaling: 17500,
  batch: 17400,
  'certificates.k8s.io': 17300,
  'networking.k8s.io': 17200,
  policy: 17100,
  'rbac.authorization.k8s.io': 17000,
  'storage.k8s.io': 16800,
  'apiextensions.k8s.io': 16700,
  'admissionregistration.k8s.io': 16700,
  'scheduling.k8s.io': 16600,
  'coordination.k8s.io': 16500,
  'node.k8s.io': 16300,
  'discovery.k8s.io': 16200,
  'flowcontrol.apiserver.k8s.io': 16100,
  'resource.k8s.io': 15900,
  // No current release serves it: whatever else has a resource is preferred.
  extensions: 50,
};

const customPriority = 1000;

export function groupPriority(group: string): number {
  return Object.hasOwn(priorities, group) ? priorities[group]! : customPriority;
}

/** Groups by priority, those of equal priority by name. */
export function compareGroups(a: string, b: string): number {
  return groupPriority(b) - groupPriority(a) || (a < b ? -1 : a > b ? 1 : 0);
}
