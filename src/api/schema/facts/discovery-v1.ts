import type { SchemaFacts } from '../facts.ts';

/** The types of discovery.k8s.io/v1: the notation is explained in ../facts.ts. */
export const facts: SchemaFacts = {
  id: 'discovery/v1',
  apiVersion: 'discovery.k8s.io/v1',
  openapi: 'io.k8s.api.discovery.v1',
  text: `
alias AddressType string
type Endpoint
  1 addresses []string required list=set
  2 conditions? EndpointConditions
  3 hostname? *string
  4 targetRef? *core/v1.ObjectReference
  5 deprecatedTopology? {}string
  6 nodeName? *string
  7 zone? *string
  8 hints? *EndpointHints
type EndpointConditions
  1 ready? *bool
  2 serving? *bool
  3 terminating? *bool
type EndpointHints
  1 forZones? []ForZone list=atomic
  2 forNodes? []ForNode list=atomic
type EndpointPort struct=atomic
  1 name? *string
  2 protocol? *core/v1.Protocol
  3 port? *int32
  4 appProtocol? *string
type EndpointSlice
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ObjectMeta
  4 addressType AddressType required
  2 endpoints []Endpoint optional list=atomic
  3 ports []EndpointPort optional list=atomic
type EndpointSliceList
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ListMeta
  2 items []EndpointSlice
type ForNode
  1 name string
type ForZone
  1 name string
`,
};
