// Written by `npm run gen`. Do not edit.
import { MutatingAdmissionPolicyBinding as admissionregistration_mutating_admission_policy_binding_MutatingAdmissionPolicyBinding } from './admissionregistration/mutating-admission-policy-binding.ts';
import { MutatingAdmissionPolicy as admissionregistration_mutating_admission_policy_MutatingAdmissionPolicy } from './admissionregistration/mutating-admission-policy.ts';
import { MutatingWebhookConfiguration as admissionregistration_mutating_webhook_configuration_MutatingWebhookConfiguration } from './admissionregistration/mutating-webhook-configuration.ts';
import { ValidatingAdmissionPolicyBinding as admissionregistration_validating_admission_policy_binding_ValidatingAdmissionPolicyBinding } from './admissionregistration/validating-admission-policy-binding.ts';
import { ValidatingAdmissionPolicy as admissionregistration_validating_admission_policy_ValidatingAdmissionPolicy } from './admissionregistration/validating-admission-policy.ts';
import { ValidatingWebhookConfiguration as admissionregistration_validating_webhook_configuration_ValidatingWebhookConfiguration } from './admissionregistration/validating-webhook-configuration.ts';
import { CustomResourceDefinition as apiextensions_custom_resource_definition_CustomResourceDefinition } from './apiextensions/custom-resource-definition.ts';
import { APIService as apiregistration_api_service_APIService } from './apiregistration/api-service.ts';
import { StorageVersion as apiserverinternal_storage_version_StorageVersion } from './apiserverinternal/storage-version.ts';
import { ControllerRevision as apps_controller_revision_ControllerRevision } from './apps/controller-revision.ts';
import { DaemonSet as apps_daemon_set_DaemonSet } from './apps/daemon-set.ts';
import { Deployment as apps_deployment_Deployment } from './apps/deployment.ts';
import { ReplicaSet as apps_replica_set_ReplicaSet } from './apps/replica-set.ts';
import { StatefulSet as apps_stateful_set_StatefulSet } from './apps/stateful-set.ts';
import { SelfSubjectReview as authentication_self_subject_review_SelfSubjectReview } from './authentication/self-subject-review.ts';
import { TokenReview as authentication_token_review_TokenReview } from './authentication/token-review.ts';
import { LocalSubjectAccessReview as authorization_local_subject_access_review_LocalSubjectAccessReview } from './authorization/local-subject-access-review.ts';
import { SelfSubjectAccessReview as authorization_self_subject_access_review_SelfSubjectAccessReview } from './authorization/self-subject-access-review.ts';
import { SelfSubjectRulesReview as authorization_self_subject_rules_review_SelfSubjectRulesReview } from './authorization/self-subject-rules-review.ts';
import { SubjectAccessReview as authorization_subject_access_review_SubjectAccessReview } from './authorization/subject-access-review.ts';
import { HorizontalPodAutoscalerV1 as autoscaling_horizontal_pod_autoscaler_v1_HorizontalPodAutoscalerV1 } from './autoscaling/horizontal-pod-autoscaler-v1.ts';
import { HorizontalPodAutoscaler as autoscaling_horizontal_pod_autoscaler_HorizontalPodAutoscaler } from './autoscaling/horizontal-pod-autoscaler.ts';
import { CronJob as batch_cron_job_CronJob } from './batch/cron-job.ts';
import { Job as batch_job_Job } from './batch/job.ts';
import { CertificateSigningRequest as certificates_certificate_signing_request_CertificateSigningRequest } from './certificates/certificate-signing-request.ts';
import { Lease as coordination_lease_Lease } from './coordination/lease.ts';
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
import { EndpointSlice as discovery_endpoint_slice_EndpointSlice } from './discovery/endpoint-slice.ts';
import { Event as events_event_Event } from './events/event.ts';
import { FlowSchema as flowcontrol_flow_schema_FlowSchema } from './flowcontrol/flow-schema.ts';
import { PriorityLevelConfiguration as flowcontrol_priority_level_configuration_PriorityLevelConfiguration } from './flowcontrol/priority-level-configuration.ts';
import { AppsV1beta1ControllerRevision as legacy_apps_v1beta1_controller_revision_AppsV1beta1ControllerRevision } from './legacy/apps-v1beta1-controller-revision.ts';
import { AppsV1beta1Deployment as legacy_apps_v1beta1_deployment_AppsV1beta1Deployment } from './legacy/apps-v1beta1-deployment.ts';
import { AppsV1beta1StatefulSet as legacy_apps_v1beta1_stateful_set_AppsV1beta1StatefulSet } from './legacy/apps-v1beta1-stateful-set.ts';
import { AppsV1beta2ControllerRevision as legacy_apps_v1beta2_controller_revision_AppsV1beta2ControllerRevision } from './legacy/apps-v1beta2-controller-revision.ts';
import { AppsV1beta2DaemonSet as legacy_apps_v1beta2_daemon_set_AppsV1beta2DaemonSet } from './legacy/apps-v1beta2-daemon-set.ts';
import { AppsV1beta2Deployment as legacy_apps_v1beta2_deployment_AppsV1beta2Deployment } from './legacy/apps-v1beta2-deployment.ts';
import { AppsV1beta2ReplicaSet as legacy_apps_v1beta2_replica_set_AppsV1beta2ReplicaSet } from './legacy/apps-v1beta2-replica-set.ts';
import { AppsV1beta2StatefulSet as legacy_apps_v1beta2_stateful_set_AppsV1beta2StatefulSet } from './legacy/apps-v1beta2-stateful-set.ts';
import { BatchV1beta1CronJob as legacy_batch_v1beta1_cron_job_BatchV1beta1CronJob } from './legacy/batch-v1beta1-cron-job.ts';
import { ExtensionsV1beta1DaemonSet as legacy_extensions_v1beta1_daemon_set_ExtensionsV1beta1DaemonSet } from './legacy/extensions-v1beta1-daemon-set.ts';
import { ExtensionsV1beta1Deployment as legacy_extensions_v1beta1_deployment_ExtensionsV1beta1Deployment } from './legacy/extensions-v1beta1-deployment.ts';
import { ExtensionsV1beta1Ingress as legacy_extensions_v1beta1_ingress_ExtensionsV1beta1Ingress } from './legacy/extensions-v1beta1-ingress.ts';
import { ExtensionsV1beta1NetworkPolicy as legacy_extensions_v1beta1_network_policy_ExtensionsV1beta1NetworkPolicy } from './legacy/extensions-v1beta1-network-policy.ts';
import { ExtensionsV1beta1ReplicaSet as legacy_extensions_v1beta1_replica_set_ExtensionsV1beta1ReplicaSet } from './legacy/extensions-v1beta1-replica-set.ts';
import { NetworkingV1beta1Ingress as legacy_networking_v1beta1_ingress_NetworkingV1beta1Ingress } from './legacy/networking-v1beta1-ingress.ts';
import { PolicyV1beta1PodDisruptionBudget as legacy_policy_v1beta1_pod_disruption_budget_PolicyV1beta1PodDisruptionBudget } from './legacy/policy-v1beta1-pod-disruption-budget.ts';
import { NodeMetrics as metrics_node_metrics_NodeMetrics } from './metrics/node-metrics.ts';
import { PodMetrics as metrics_pod_metrics_PodMetrics } from './metrics/pod-metrics.ts';
import { IngressClass as networking_ingress_class_IngressClass } from './networking/ingress-class.ts';
import { Ingress as networking_ingress_Ingress } from './networking/ingress.ts';
import { IPAddress as networking_ip_address_IPAddress } from './networking/ip-address.ts';
import { NetworkPolicy as networking_network_policy_NetworkPolicy } from './networking/network-policy.ts';
import { ServiceCIDR as networking_service_cidr_ServiceCIDR } from './networking/service-cidr.ts';
import { RuntimeClass as node_runtime_class_RuntimeClass } from './node/runtime-class.ts';
import { PodDisruptionBudget as policy_pod_disruption_budget_PodDisruptionBudget } from './policy/pod-disruption-budget.ts';
import { ClusterRoleBinding as rbac_cluster_role_binding_ClusterRoleBinding } from './rbac/cluster-role-binding.ts';
import { ClusterRole as rbac_cluster_role_ClusterRole } from './rbac/cluster-role.ts';
import { RoleBinding as rbac_role_binding_RoleBinding } from './rbac/role-binding.ts';
import { Role as rbac_role_Role } from './rbac/role.ts';
import { DeviceClass as resource_device_class_DeviceClass } from './resource/device-class.ts';
import { ResourceClaimTemplate as resource_resource_claim_template_ResourceClaimTemplate } from './resource/resource-claim-template.ts';
import { ResourceClaim as resource_resource_claim_ResourceClaim } from './resource/resource-claim.ts';
import { ResourceSlice as resource_resource_slice_ResourceSlice } from './resource/resource-slice.ts';
import { PriorityClass as scheduling_priority_class_PriorityClass } from './scheduling/priority-class.ts';
import { CSIDriver as storage_csi_driver_CSIDriver } from './storage/csi-driver.ts';
import { CSINode as storage_csi_node_CSINode } from './storage/csi-node.ts';
import { CSIStorageCapacity as storage_csi_storage_capacity_CSIStorageCapacity } from './storage/csi-storage-capacity.ts';
import { StorageClass as storage_storage_class_StorageClass } from './storage/storage-class.ts';
import { VolumeAttachment as storage_volume_attachment_VolumeAttachment } from './storage/volume-attachment.ts';
import { VolumeAttributesClass as storage_volume_attributes_class_VolumeAttributesClass } from './storage/volume-attributes-class.ts';
import { StorageVersionMigration as storagemigration_storage_version_migration_StorageVersionMigration } from './storagemigration/storage-version-migration.ts';
import type { AnyKind } from './kind.ts';

/** Every built-in kind. */
export const builtinKinds: readonly AnyKind[] = [
  admissionregistration_mutating_admission_policy_binding_MutatingAdmissionPolicyBinding,
  admissionregistration_mutating_admission_policy_MutatingAdmissionPolicy,
  admissionregistration_mutating_webhook_configuration_MutatingWebhookConfiguration,
  admissionregistration_validating_admission_policy_binding_ValidatingAdmissionPolicyBinding,
  admissionregistration_validating_admission_policy_ValidatingAdmissionPolicy,
  admissionregistration_validating_webhook_configuration_ValidatingWebhookConfiguration,
  apiextensions_custom_resource_definition_CustomResourceDefinition,
  apiregistration_api_service_APIService,
  apiserverinternal_storage_version_StorageVersion,
  apps_controller_revision_ControllerRevision,
  apps_daemon_set_DaemonSet,
  apps_deployment_Deployment,
  apps_replica_set_ReplicaSet,
  apps_stateful_set_StatefulSet,
  authentication_self_subject_review_SelfSubjectReview,
  authentication_token_review_TokenReview,
  authorization_local_subject_access_review_LocalSubjectAccessReview,
  authorization_self_subject_access_review_SelfSubjectAccessReview,
  authorization_self_subject_rules_review_SelfSubjectRulesReview,
  authorization_subject_access_review_SubjectAccessReview,
  autoscaling_horizontal_pod_autoscaler_v1_HorizontalPodAutoscalerV1,
  autoscaling_horizontal_pod_autoscaler_HorizontalPodAutoscaler,
  batch_cron_job_CronJob,
  batch_job_Job,
  certificates_certificate_signing_request_CertificateSigningRequest,
  coordination_lease_Lease,
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
  discovery_endpoint_slice_EndpointSlice,
  events_event_Event,
  flowcontrol_flow_schema_FlowSchema,
  flowcontrol_priority_level_configuration_PriorityLevelConfiguration,
  legacy_apps_v1beta1_controller_revision_AppsV1beta1ControllerRevision,
  legacy_apps_v1beta1_deployment_AppsV1beta1Deployment,
  legacy_apps_v1beta1_stateful_set_AppsV1beta1StatefulSet,
  legacy_apps_v1beta2_controller_revision_AppsV1beta2ControllerRevision,
  legacy_apps_v1beta2_daemon_set_AppsV1beta2DaemonSet,
  legacy_apps_v1beta2_deployment_AppsV1beta2Deployment,
  legacy_apps_v1beta2_replica_set_AppsV1beta2ReplicaSet,
  legacy_apps_v1beta2_stateful_set_AppsV1beta2StatefulSet,
  legacy_batch_v1beta1_cron_job_BatchV1beta1CronJob,
  legacy_extensions_v1beta1_daemon_set_ExtensionsV1beta1DaemonSet,
  legacy_extensions_v1beta1_deployment_ExtensionsV1beta1Deployment,
  legacy_extensions_v1beta1_ingress_ExtensionsV1beta1Ingress,
  legacy_extensions_v1beta1_network_policy_ExtensionsV1beta1NetworkPolicy,
  legacy_extensions_v1beta1_replica_set_ExtensionsV1beta1ReplicaSet,
  legacy_networking_v1beta1_ingress_NetworkingV1beta1Ingress,
  legacy_policy_v1beta1_pod_disruption_budget_PolicyV1beta1PodDisruptionBudget,
  metrics_node_metrics_NodeMetrics,
  metrics_pod_metrics_PodMetrics,
  networking_ingress_class_IngressClass,
  networking_ingress_Ingress,
  networking_ip_address_IPAddress,
  networking_network_policy_NetworkPolicy,
  networking_service_cidr_ServiceCIDR,
  node_runtime_class_RuntimeClass,
  policy_pod_disruption_budget_PodDisruptionBudget,
  rbac_cluster_role_binding_ClusterRoleBinding,
  rbac_cluster_role_ClusterRole,
  rbac_role_binding_RoleBinding,
  rbac_role_Role,
  resource_device_class_DeviceClass,
  resource_resource_claim_template_ResourceClaimTemplate,
  resource_resource_claim_ResourceClaim,
  resource_resource_slice_ResourceSlice,
  scheduling_priority_class_PriorityClass,
  storage_csi_driver_CSIDriver,
  storage_csi_node_CSINode,
  storage_csi_storage_capacity_CSIStorageCapacity,
  storage_storage_class_StorageClass,
  storage_volume_attachment_VolumeAttachment,
  storage_volume_attributes_class_VolumeAttributesClass,
  storagemigration_storage_version_migration_StorageVersionMigration,
];
