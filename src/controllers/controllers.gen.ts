// Written by `npm run gen`. Do not edit.
import { certificateController as certificates_certificates_certificateController } from './certificates/certificates.ts';
import { clusterRoleAggregationController as cluster_role_aggregation_clusterRoleAggregationController } from './cluster-role-aggregation.ts';
import { cronJobController as cron_job_cron_job_cronJobController } from './cron-job/cron-job.ts';
import { daemonSetController as daemon_set_daemon_set_daemonSetController } from './daemon-set/daemon-set.ts';
import { deploymentController as deployment_deployment_deploymentController } from './deployment/deployment.ts';
import { disruptionController as disruption_disruption_disruptionController } from './disruption/disruption.ts';
import { endpointSliceMirroringController as endpoint_slice_mirroring_endpointSliceMirroringController } from './endpoint-slice-mirroring.ts';
import { endpointSliceController as endpoint_slice_endpoint_slice_endpointSliceController } from './endpoint-slice/endpoint-slice.ts';
import { endpointsController as endpoints_endpointsController } from './endpoints.ts';
import { garbageCollector as garbage_collector_garbage_collector_garbageCollector } from './garbage-collector/garbage-collector.ts';
import { horizontalPodAutoscalerController as horizontal_pod_autoscaler_horizontal_pod_autoscaler_horizontalPodAutoscalerController } from './horizontal-pod-autoscaler/horizontal-pod-autoscaler.ts';
import { jobController as job_job_jobController } from './job/job.ts';
import { leaseCleanupController as lease_cleanup_leaseCleanupController } from './lease-cleanup.ts';
import { namespaceController as namespace_namespace_namespaceController } from './namespace/namespace.ts';
import { nodeIpamController as node_ipam_nodeIpamController } from './node-ipam.ts';
import { nodeLifecycleController as node_lifecycle_node_lifecycle_nodeLifecycleController } from './node-lifecycle/node-lifecycle.ts';
import { nodeTtlController as node_ttl_nodeTtlController } from './node-ttl.ts';
import { podGcController as pod_gc_podGcController } from './pod-gc.ts';
import { replicaSetController as replica_set_replicaSetController } from './replica-set.ts';
import { replicationControllerController as replication_controller_replicationControllerController } from './replication-controller.ts';
import { resourceClaimController as resource_claim_resourceClaimController } from './resource-claim.ts';
import { resourceQuotaController as resource_quota_resourceQuotaController } from './resource-quota.ts';
import { rootCaController as root_ca_rootCaController } from './root-ca.ts';
import { serviceAccountController as service_account_serviceAccountController } from './service-account.ts';
import { serviceCidrsController as service_cidrs_serviceCidrsController } from './service-cidrs.ts';
import { statefulSetController as stateful_set_stateful_set_statefulSetController } from './stateful-set/stateful-set.ts';
import { storageVersionCollector as storage_version_gc_storageVersionCollector } from './storage-version-gc.ts';
import { storageVersionMigrator as storage_version_migrator_storageVersionMigrator } from './storage-version-migrator.ts';
import { taintEvictionController as taint_eviction_taintEvictionController } from './taint-eviction.ts';
import { tokenCleanerController as tokens_bootstrap_tokens_tokenCleanerController, bootstrapSignerController as tokens_bootstrap_tokens_bootstrapSignerController } from './tokens/bootstrap-tokens.ts';
import { legacyTokenCleaner as tokens_legacy_token_cleaner_legacyTokenCleaner } from './tokens/legacy-token-cleaner.ts';
import { serviceAccountTokenController as tokens_legacy_tokens_serviceAccountTokenController } from './tokens/legacy-tokens.ts';
import { ttlAfterFinishedController as ttl_after_finished_ttlAfterFinishedController } from './ttl-after-finished.ts';
import { policyStatusController as validating_admission_policy_status_policyStatusController } from './validating-admission-policy-status.ts';
import { attachDetachController as volumes_attach_detach_attachDetachController } from './volumes/attach-detach.ts';
import { persistentVolumeBinder as volumes_binder_persistentVolumeBinder } from './volumes/binder.ts';
import { ephemeralVolumeController as volumes_ephemeral_ephemeralVolumeController } from './volumes/ephemeral.ts';
import { expandController as volumes_expand_expandController } from './volumes/expand.ts';
import { claimProtectionController as volumes_protection_claimProtectionController, volumeProtectionController as volumes_protection_volumeProtectionController, attributesClassProtectionController as volumes_protection_attributesClassProtectionController } from './volumes/protection.ts';
import type { ControllerDefinition } from '../client/reconcile.ts';

/** Every built-in controller. */
export const builtinControllers: readonly ControllerDefinition[] = [
  certificates_certificates_certificateController,
  cluster_role_aggregation_clusterRoleAggregationController,
  cron_job_cron_job_cronJobController,
  daemon_set_daemon_set_daemonSetController,
  deployment_deployment_deploymentController,
  disruption_disruption_disruptionController,
  endpoint_slice_mirroring_endpointSliceMirroringController,
  endpoint_slice_endpoint_slice_endpointSliceController,
  endpoints_endpointsController,
  garbage_collector_garbage_collector_garbageCollector,
  horizontal_pod_autoscaler_horizontal_pod_autoscaler_horizontalPodAutoscalerController,
  job_job_jobController,
  lease_cleanup_leaseCleanupController,
  namespace_namespace_namespaceController,
  node_ipam_nodeIpamController,
  node_lifecycle_node_lifecycle_nodeLifecycleController,
  node_ttl_nodeTtlController,
  pod_gc_podGcController,
  replica_set_replicaSetController,
  replication_controller_replicationControllerController,
  resource_claim_resourceClaimController,
  resource_quota_resourceQuotaController,
  root_ca_rootCaController,
  service_account_serviceAccountController,
  service_cidrs_serviceCidrsController,
  stateful_set_stateful_set_statefulSetController,
  storage_version_gc_storageVersionCollector,
  storage_version_migrator_storageVersionMigrator,
  taint_eviction_taintEvictionController,
  tokens_bootstrap_tokens_tokenCleanerController,
  tokens_bootstrap_tokens_bootstrapSignerController,
  tokens_legacy_token_cleaner_legacyTokenCleaner,
  tokens_legacy_tokens_serviceAccountTokenController,
  ttl_after_finished_ttlAfterFinishedController,
  validating_admission_policy_status_policyStatusController,
  volumes_attach_detach_attachDetachController,
  volumes_binder_persistentVolumeBinder,
  volumes_ephemeral_ephemeralVolumeController,
  volumes_expand_expandController,
  volumes_protection_claimProtectionController,
  volumes_protection_volumeProtectionController,
  volumes_protection_attributesClassProtectionController,
];
