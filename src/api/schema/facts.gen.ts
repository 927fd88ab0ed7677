// Written by `npm run gen`. Do not edit.
import { facts as admissionV1 } from './facts/admission-v1.ts';
import { facts as admissionregistrationV1 } from './facts/admissionregistration-v1.ts';
import { facts as apidiscoveryV2 } from './facts/apidiscovery-v2.ts';
import { facts as apiextensionsV1 } from './facts/apiextensions-v1.ts';
import { facts as apiregistrationV1 } from './facts/apiregistration-v1.ts';
import { facts as apiserverinternalV1alpha1 } from './facts/apiserverinternal-v1alpha1.ts';
import { facts as appsV1 } from './facts/apps-v1.ts';
import { facts as appsV1beta1 } from './facts/apps-v1beta1.ts';
import { facts as appsV1beta2 } from './facts/apps-v1beta2.ts';
import { facts as authenticationV1 } from './facts/authentication-v1.ts';
import { facts as authorizationV1 } from './facts/authorization-v1.ts';
import { facts as autoscalingV1 } from './facts/autoscaling-v1.ts';
import { facts as autoscalingV2 } from './facts/autoscaling-v2.ts';
import { facts as batchV1 } from './facts/batch-v1.ts';
import { facts as batchV1beta1 } from './facts/batch-v1beta1.ts';
import { facts as certificatesV1 } from './facts/certificates-v1.ts';
import { facts as coordinationV1 } from './facts/coordination-v1.ts';
import { facts as coreV1 } from './facts/core-v1.ts';
import { facts as customMetricsV1beta2 } from './facts/custom-metrics-v1beta2.ts';
import { facts as discoveryV1 } from './facts/discovery-v1.ts';
import { facts as eventsV1 } from './facts/events-v1.ts';
import { facts as extensionsV1beta1 } from './facts/extensions-v1beta1.ts';
import { facts as externalMetricsV1beta1 } from './facts/external-metrics-v1beta1.ts';
import { facts as flowcontrolV1 } from './facts/flowcontrol-v1.ts';
import { facts as metaV1 } from './facts/meta-v1.ts';
import { facts as metricsV1beta1 } from './facts/metrics-v1beta1.ts';
import { facts as networkingV1 } from './facts/networking-v1.ts';
import { facts as networkingV1beta1 } from './facts/networking-v1beta1.ts';
import { facts as nodeV1 } from './facts/node-v1.ts';
import { facts as policyV1 } from './facts/policy-v1.ts';
import { facts as policyV1beta1 } from './facts/policy-v1beta1.ts';
import { facts as rbacV1 } from './facts/rbac-v1.ts';
import { facts as resourceV1 } from './facts/resource-v1.ts';
import { facts as schedulingV1 } from './facts/scheduling-v1.ts';
import { facts as storageV1 } from './facts/storage-v1.ts';
import { facts as storagemigrationV1beta1 } from './facts/storagemigration-v1beta1.ts';
import type { SchemaFacts } from './facts.ts';

/** The facts of every group-version. */
export const allFacts: readonly SchemaFacts[] = [
  admissionV1,
  admissionregistrationV1,
  apidiscoveryV2,
  apiextensionsV1,
  apiregistrationV1,
  apiserverinternalV1alpha1,
  appsV1,
  appsV1beta1,
  appsV1beta2,
  authenticationV1,
  authorizationV1,
  autoscalingV1,
  autoscalingV2,
  batchV1,
  batchV1beta1,
  certificatesV1,
  coordinationV1,
  coreV1,
  customMetricsV1beta2,
  discoveryV1,
  eventsV1,
  extensionsV1beta1,
  externalMetricsV1beta1,
  flowcontrolV1,
  metaV1,
  metricsV1beta1,
  networkingV1,
  networkingV1beta1,
  nodeV1,
  policyV1,
  policyV1beta1,
  rbacV1,
  resourceV1,
  schedulingV1,
  storageV1,
  storagemigrationV1beta1,
];
