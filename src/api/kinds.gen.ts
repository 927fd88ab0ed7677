// Written by `npm run gen`. Do not edit.
import { ControllerRevision as apps_controller_revision_ControllerRevision } from './apps/controller-revision.ts';
import { DaemonSet as apps_daemon_set_DaemonSet } from './apps/daemon-set.ts';
import { Deployment as apps_deployment_Deployment } from './apps/deployment.ts';
import { ReplicaSet as apps_replica_set_ReplicaSet } from './apps/replica-set.ts';
import { StatefulSet as apps_stateful_set_StatefulSet } from './apps/stateful-set.ts';
import { HorizontalPodAutoscalerV1 as autoscaling_horizontal_pod_autoscaler_v1_HorizontalPodAutoscalerV1 } from './autoscaling/horizontal-pod-autoscaler-v1.ts';
import { HorizontalPodAutoscaler as autoscaling_horizontal_pod_autoscaler_HorizontalPodAutoscaler } from './autoscaling/horizontal-pod-autoscaler.ts';
import { CronJob as batch_cron_job_CronJob } from './batch/cron-job.ts';
import { Job as batch_job_Job } from './batch/job.ts';
import { Binding as core_binding_Binding } from './core/binding.ts';
import { ComponentStatus as core_component_status_ComponentStatus } from './core/component-status.ts';
import { ConfigMap as core_config_map_ConfigMap } from './core/config-map.ts';
import { Endpoints as core_endpoints_Endpoints } from './core/endpoints.ts';
import { Event as core_event_Event } from './core/event.ts';
import { LimitRange as core_limit_range_LimitRange } from './core/limit-range.ts';
import { Namespace as core_namespace_Namespace } from './core/namespace.ts';
import { Node as core_node_Node } from './core/node.ts';
import { PersistentVolumeClaim as core_persistent_volume_claim_PersistentVolumeClaim } from './core/persistent-volume-claim.ts';
import { PersistentVolume as core_persistent_volume_PersistentVolume } from './core/persistent-volume.ts';
import { PodTemplate as core_pod_template_PodTemplate } from './core/pod-template.ts';
import { Pod as core_pod_Pod } from './core/pod.ts';
import { ReplicationController as core_replication_controller_ReplicationController } from './core/replication-controller.ts';
import { ResourceQuota as core_resource_quota_ResourceQuota } from './core/resource-quota.ts';
import { Secret as core_secret_Secret } from './core/secret.ts';
import { ServiceAccount as core_service_account_ServiceAccount } from './core/service-account.ts';
import { Service as core_service_Service } from './core/service.ts';
import type { AnyKind } from './kind.ts';

/** Every built-in kind. */
export const builtinKinds: readonly AnyKind[] = [
  apps_controller_revision_ControllerRevision,
  apps_daemon_set_DaemonSet,
  apps_deployment_Deployment,
  apps_replica_set_ReplicaSet,
  apps_stateful_set_StatefulSet,
  autoscaling_horizontal_pod_autoscaler_v1_HorizontalPodAutoscalerV1,
  autoscaling_horizontal_pod_autoscaler_HorizontalPodAutoscaler,
  batch_cron_job_CronJob,
  batch_job_Job,
  core_binding_Binding,
  core_component_status_ComponentStatus,
  core_config_map_ConfigMap,
  core_endpoints_Endpoints,
  core_event_Event,
  core_limit_range_LimitRange,
  core_namespace_Namespace,
  core_node_Node,
  core_persistent_volume_claim_PersistentVolumeClaim,
  core_persistent_volume_PersistentVolume,
  core_pod_template_PodTemplate,
  core_pod_Pod,
  core_replication_controller_ReplicationController,
  core_resource_quota_ResourceQuota,
  core_secret_Secret,
  core_service_account_ServiceAccount,
  core_service_Service,
];
