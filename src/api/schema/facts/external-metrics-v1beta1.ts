import type { SchemaFacts } from '../facts.ts';

/** The types of external.metrics.k8s.io/v1beta1: the notation is explained in ../facts.ts. */
export const facts: SchemaFacts = {
  id: 'external_metrics/v1beta1',
  apiVersion: 'external.metrics.k8s.io/v1beta1',
  openapi: 'io.k8s.metrics.pkg.apis.external_metrics.v1beta1',
  text: `
type ExternalMetricValue
  - ... meta/v1.TypeMeta
  1 metricName string
  2 metricLabels {}string
  3 timestamp Time
  4 window? *int64
  5 value Quantity
type ExternalMetricValueList
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ListMeta
  2 items []ExternalMetricValue
`,
};
