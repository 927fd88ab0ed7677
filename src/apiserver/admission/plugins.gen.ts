// Written by `npm run gen`. Do not edit.
import { alwaysAdmit as always_admit_and_deny_alwaysAdmit, alwaysDeny as always_admit_and_deny_alwaysDeny } from './always-admit-and-deny.ts';
import { alwaysPullImages as always_pull_images_alwaysPullImages } from './always-pull-images.ts';
import { certificateApproval as certificate_plugins_certificateApproval, certificateSigning as certificate_plugins_certificateSigning, certificateSubjectRestriction as certificate_plugins_certificateSubjectRestriction, clusterTrustBundleAttest as certificate_plugins_clusterTrustBundleAttest } from './certificate-plugins.ts';
import { defaultIngressClass as default_ingress_class_defaultIngressClass } from './default-ingress-class.ts';
import { defaultStorageClass as default_storage_class_defaultStorageClass } from './default-storage-class.ts';
import { defaultTolerationSeconds as default_toleration_seconds_defaultTolerationSeconds } from './default-toleration-seconds.ts';
import { denyServiceExternalIPs as deny_service_external_ips_denyServiceExternalIPs } from './deny-service-external-ips.ts';
import { eventRateLimit as event_rate_limit_eventRateLimit } from './event-rate-limit.ts';
import { extendedResourceToleration as extended_resource_toleration_extendedResourceToleration } from './extended-resource-toleration.ts';
import { imagePolicyWebhook as image_policy_webhook_imagePolicyWebhook } from './image-policy-webhook.ts';
import { limitPodHardAntiAffinityTopology as limit_pod_hard_anti_affinity_topology_limitPodHardAntiAffinityTopology } from './limit-pod-hard-anti-affinity-topology.ts';
import { limitRanger as limit_ranger_limitRanger } from './limit-ranger.ts';
import { mutatingAdmissionPolicy as mutating_admission_policy_mutatingAdmissionPolicy } from './mutating-admission-policy.ts';
import { mutatingAdmissionWebhook as mutating_admission_webhook_mutatingAdmissionWebhook } from './mutating-admission-webhook.ts';
import { namespaceAutoProvision as namespace_existence_namespaceAutoProvision, namespaceExists as namespace_existence_namespaceExists } from './namespace-existence.ts';
import { namespaceLifecycle as namespace_lifecycle_namespaceLifecycle } from './namespace-lifecycle.ts';
import { nodeRestriction as node_restriction_nodeRestriction } from './node-restriction.ts';
import { ownerReferencesPermissionEnforcement as owner_references_permission_enforcement_ownerReferencesPermissionEnforcement } from './owner-references-permission-enforcement.ts';
import { persistentVolumeClaimResize as persistent_volume_claim_resize_persistentVolumeClaimResize } from './persistent-volume-claim-resize.ts';
import { podNodeSelector as pod_node_selector_podNodeSelector } from './pod-node-selector.ts';
import { podResizeValidator as pod_resize_validator_podResizeValidator } from './pod-resize-validator.ts';
import { podSecurity as pod_security_podSecurity } from './pod-security.ts';
import { podTolerationRestriction as pod_toleration_restriction_podTolerationRestriction } from './pod-toleration-restriction.ts';
import { podTopologyLabels as pod_topology_labels_podTopologyLabels } from './pod-topology-labels.ts';
import { policyExpressions as policy_expressions_policyExpressions } from './policy-expressions.ts';
import { priority as priority_priority } from './priority.ts';
import { rbacEscalation as rbac_escalation_rbacEscalation } from './rbac-escalation.ts';
import { resourceQuota as resource_quota_resourceQuota } from './resource-quota.ts';
import { runtimeClass as runtime_class_runtimeClass } from './runtime-class.ts';
import { serviceAccount as service_account_serviceAccount } from './service-account.ts';
import { storageObjectInUseProtection as storage_object_in_use_protection_storageObjectInUseProtection } from './storage-object-in-use-protection.ts';
import { taintNodesByCondition as taint_nodes_by_condition_taintNodesByCondition } from './taint-nodes-by-condition.ts';
import { validatingAdmissionPolicy as validating_admission_policy_validatingAdmissionPolicy } from './validating-admission-policy.ts';
import { validatingAdmissionWebhook as validating_admission_webhook_validatingAdmissionWebhook } from './validating-admission-webhook.ts';
import type { AdmissionPlugin } from './admission.ts';

/** Every built-in admission plugin. */
export const builtinAdmissionPlugins: readonly AdmissionPlugin[] = [
  always_admit_and_deny_alwaysAdmit,
  always_admit_and_deny_alwaysDeny,
  always_pull_images_alwaysPullImages,
  certificate_plugins_certificateApproval,
  certificate_plugins_certificateSigning,
  certificate_plugins_certificateSubjectRestriction,
  certificate_plugins_clusterTrustBundleAttest,
  default_ingress_class_defaultIngressClass,
  default_storage_class_defaultStorageClass,
  default_toleration_seconds_defaultTolerationSeconds,
  deny_service_external_ips_denyServiceExternalIPs,
  event_rate_limit_eventRateLimit,
  extended_resource_toleration_extendedResourceToleration,
  image_policy_webhook_imagePolicyWebhook,
  limit_pod_hard_anti_affinity_topology_limitPodHardAntiAffinityTopology,
  limit_ranger_limitRanger,
  mutating_admission_policy_mutatingAdmissionPolicy,
  mutating_admission_webhook_mutatingAdmissionWebhook,
  namespace_existence_namespaceAutoProvision,
  namespace_existence_namespaceExists,
  namespace_lifecycle_namespaceLifecycle,
  node_restriction_nodeRestriction,
  owner_references_permission_enforcement_ownerReferencesPermissionEnforcement,
  persistent_volume_claim_resize_persistentVolumeClaimResize,
  pod_node_selector_podNodeSelector,
  pod_resize_validator_podResizeValidator,
  pod_security_podSecurity,
  pod_toleration_restriction_podTolerationRestriction,
  pod_topology_labels_podTopologyLabels,
  policy_expressions_policyExpressions,
  priority_priority,
  rbac_escalation_rbacEscalation,
  resource_quota_resourceQuota,
  runtime_class_runtimeClass,
  service_account_serviceAccount,
  storage_object_in_use_protection_storageObjectInUseProtection,
  taint_nodes_by_condition_taintNodesByCondition,
  validating_admission_policy_validatingAdmissionPolicy,
  validating_admission_webhook_validatingAdmissionWebhook,
];
