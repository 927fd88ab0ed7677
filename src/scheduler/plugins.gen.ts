// Written by `npm run gen`. Do not edit.
import { balancedAllocation as balanced_allocation_balancedAllocation } from './plugins/balanced-allocation.ts';
import { defaultBinder as default_binder_defaultBinder } from './plugins/default-binder.ts';
import { defaultPreemption as default_preemption_defaultPreemption } from './plugins/default-preemption.ts';
import { dynamicResources as dynamic_resources_dynamicResources } from './plugins/dynamic-resources.ts';
import { imageLocality as image_locality_imageLocality } from './plugins/image-locality.ts';
import { interPodAffinity as inter_pod_affinity_interPodAffinity } from './plugins/inter-pod-affinity.ts';
import { nodeAffinity as node_affinity_nodeAffinity } from './plugins/node-affinity.ts';
import { nodeDeclaredFeatures as node_declared_features_nodeDeclaredFeatures } from './plugins/node-declared-features.ts';
import { nodeName as node_name_nodeName } from './plugins/node-name.ts';
import { nodePorts as node_ports_nodePorts } from './plugins/node-ports.ts';
import { nodeResourcesFit as node_resources_fit_nodeResourcesFit } from './plugins/node-resources-fit.ts';
import { nodeUnschedulable as node_unschedulable_nodeUnschedulable } from './plugins/node-unschedulable.ts';
import { nodeVolumeLimits as node_volume_limits_nodeVolumeLimits } from './plugins/node-volume-limits.ts';
import { podTopologySpread as pod_topology_spread_podTopologySpread } from './plugins/pod-topology-spread.ts';
import { schedulingGates as scheduling_gates_schedulingGates } from './plugins/scheduling-gates.ts';
import { taintToleration as taint_toleration_taintToleration } from './plugins/taint-toleration.ts';
import { volumeBinding as volume_binding_volumeBinding } from './plugins/volume-binding.ts';
import { volumeRestrictions as volume_restrictions_volumeRestrictions } from './plugins/volume-restrictions.ts';
import { volumeZone as volume_zone_volumeZone } from './plugins/volume-zone.ts';
import type { SchedulerPlugin } from './framework.ts';

/** Every built-in scheduler plugin. */
export const builtinSchedulerPlugins: readonly SchedulerPlugin[] = [
  balanced_allocation_balancedAllocation,
  default_binder_defaultBinder,
  default_preemption_defaultPreemption,
  dynamic_resources_dynamicResources,
  image_locality_imageLocality,
  inter_pod_affinity_interPodAffinity,
  node_affinity_nodeAffinity,
  node_declared_features_nodeDeclaredFeatures,
  node_name_nodeName,
  node_ports_nodePorts,
  node_resources_fit_nodeResourcesFit,
  node_unschedulable_nodeUnschedulable,
  node_volume_limits_nodeVolumeLimits,
  pod_topology_spread_podTopologySpread,
  scheduling_gates_schedulingGates,
  taint_toleration_taintToleration,
  volume_binding_volumeBinding,
  volume_restrictions_volumeRestrictions,
  volume_zone_volumeZone,
];
