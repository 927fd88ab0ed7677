// Written by `npm run gen`. Do not edit.
import { defaultIngressClass as default_ingress_class_defaultIngressClass } from './default-ingress-class.ts';
import { defaultStorageClass as default_storage_class_defaultStorageClass } from './default-storage-class.ts';
import { defaultTolerationSeconds as default_toleration_seconds_defaultTolerationSeconds } from './default-toleration-seconds.ts';
import { limitRanger as limit_ranger_limitRanger } from './limit-ranger.ts';
import { namespaceLifecycle as namespace_lifecycle_namespaceLifecycle } from './namespace-lifecycle.ts';
import { priority as priority_priority } from './priority.ts';
import { rbacEscalation as rbac_escalation_rbacEscalation } from './rbac-escalation.ts';
import { serviceAccount as service_account_serviceAccount } from './service-account.ts';
import { storageObjectInUseProtection as storage_object_in_use_protection_storageObjectInUseProtection } from './storage-object-in-use-protection.ts';
import { taintNodesByCondition as taint_nodes_by_condition_taintNodesByCondition } from './taint-nodes-by-condition.ts';
import type { AdmissionPlugin } from './admission.ts';

/** Every built-in admission plugin. */
export const builtinAdmissionPlugins: readonly AdmissionPlugin[] = [
  default_ingress_class_defaultIngressClass,
  default_storage_class_defaultStorageClass,
  default_toleration_seconds_defaultTolerationSeconds,
  limit_ranger_limitRanger,
  namespace_lifecycle_namespaceLifecycle,
  priority_priority,
  rbac_escalation_rbacEscalation,
  service_account_serviceAccount,
  storage_object_in_use_protection_storageObjectInUseProtection,
  taint_nodes_by_condition_taintNodesByCondition,
];
