import type { SchemaFacts } from '../facts.ts';

/** The types of node.k8s.io/v1: the notation is explained in ../facts.ts. */
export const facts: SchemaFacts = {
  id: 'node/v1',
  apiVersion: 'node.k8s.io/v1',
  openapi: 'io.k8s.api.node.v1',
  text: `
type Overhead
  1 podFixed? core/v1.ResourceList
type RuntimeClass cluster
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ObjectMeta
  2 handler string required
  3 overhead? *Overhead
  4 scheduling? *Scheduling
type RuntimeClassList
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ListMeta
  2 items []RuntimeClass
type Scheduling
  1 nodeSelector? {}string map=atomic
  2 tolerations? []core/v1.Toleration list=atomic
`,
};
