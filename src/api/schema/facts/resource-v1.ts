import type { SchemaFacts } from '../facts.ts';

/** The types of resource.k8s.io/v1: the notation is explained in ../facts.ts. */
export const facts: SchemaFacts = {
  id: 'resource/v1',
  apiVersion: 'resource.k8s.io/v1',
  openapi: 'io.k8s.api.resource.v1',
  text: `
type AllocatedDeviceStatus
  1 driver string required
  2 pool string required
  3 device string required
  7 shareID? *string gate=DRAConsumableCapacity
  4 conditions []meta/v1.Condition optional list=map keys=type
  5 data? *RawExtension
  6 networkData? *NetworkDeviceData
alias AllocationConfigSource string FromClass FromClaim
type AllocationResult
  1 devices? DeviceAllocationResult
  3 nodeSelector? *core/v1.NodeSelector
  5 allocationTimestamp? *Time gate=DRADeviceBindingConditions,DRAResourceClaimDeviceStatus
type CELDeviceSelector
  1 expression string required
type CapacityRequestPolicy
  1 default *Quantity optional
  3 validValues? []Quantity list=atomic
  4 validRange? *CapacityRequestPolicyRange
type CapacityRequestPolicyRange
  1 min? *Quantity required
  2 max? *Quantity
  3 step? *Quantity
type CapacityRequirements
  1 requests? {}Quantity
type Counter
  1 value Quantity required
type CounterSet
  1 name string required
  2 counters? {}Counter required
type Device
  1 name string required
  2 attributes? {}DeviceAttribute
  3 capacity? {}DeviceCapacity
  4 consumesCounters? []DeviceCounterConsumption list=atomic gate=DRAPartitionableDevices
  5 nodeName? *string gate=DRAPartitionableDevices
  6 nodeSelector? *core/v1.NodeSelector gate=DRAPartitionableDevices
  7 allNodes? *bool gate=DRAPartitionableDevices
  8 taints? []DeviceTaint list=atomic gate=DRADeviceTaints
  9 bindsToNode? *bool gate=DRADeviceBindingConditions,DRAResourceClaimDeviceStatus
  10 bindingConditions? []string list=atomic gate=DRADeviceBindingConditions,DRAResourceClaimDeviceStatus
  11 bindingFailureConditions? []string list=atomic gate=DRADeviceBindingConditions,DRAResourceClaimDeviceStatus
  12 allowMultipleAllocations? *bool gate=DRAConsumableCapacity
  13 nodeAllocatableResourceMappings? {}NodeAllocatableResourceMapping gate=DRANodeAllocatableResources
type DeviceAllocationConfiguration
  1 source AllocationConfigSource required
  2 requests? []string list=atomic
  3 ... DeviceConfiguration
alias DeviceAllocationMode string
type DeviceAllocationResult
  1 results? []DeviceRequestAllocationResult list=atomic
  2 config? []DeviceAllocationConfiguration list=atomic
type DeviceAttribute
  2 int? *int64
  3 bool? *bool
  4 string? *string
  5 version? *string
  6 ints? []int64 list=atomic gate=DRAListTypeAttributes
  7 bools? []bool list=atomic gate=DRAListTypeAttributes
  8 strings? []string list=atomic gate=DRAListTypeAttributes
  9 versions? []string list=atomic gate=DRAListTypeAttributes
type DeviceCapacity
  1 value Quantity required
  2 requestPolicy? *CapacityRequestPolicy gate=DRAConsumableCapacity
type DeviceClaim
  1 requests []DeviceRequest optional list=atomic
  2 constraints? []DeviceConstraint list=atomic
  3 config? []DeviceClaimConfiguration list=atomic
type DeviceClaimConfiguration
  1 requests? []string list=atomic
  2 ... DeviceConfiguration
type DeviceClass cluster
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ObjectMeta
  2 spec DeviceClassSpec
type DeviceClassConfiguration
  1 ... DeviceConfiguration
type DeviceClassList
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ListMeta
  2 items []DeviceClass
type DeviceClassSpec
  1 selectors? []DeviceSelector list=atomic
  2 config? []DeviceClassConfiguration list=atomic
  4 extendedResourceName? *string gate=DRAExtendedResource
type DeviceConfiguration
  1 opaque? *OpaqueDeviceConfiguration
type DeviceConstraint
  1 requests? []string list=atomic
  2 matchAttribute? *FullyQualifiedName
  3 distinctAttribute? *FullyQualifiedName gate=DRAConsumableCapacity
type DeviceCounterConsumption
  1 counterSet string required
  2 counters? {}Counter required
type DeviceRequest
  1 name string required
  2 exactly? *ExactDeviceRequest
  3 firstAvailable? []DeviceSubRequest list=atomic gate=DRAPrioritizedList
type DeviceRequestAllocationResult
  1 request string required
  2 driver string required
  3 pool string required
  4 device string required
  5 adminAccess? *bool gate=DRAAdminAccess
  6 tolerations? []DeviceToleration list=atomic gate=DRADeviceTaints
  7 bindingConditions? []string list=atomic gate=DRADeviceBindingConditions,DRAResourceClaimDeviceStatus
  8 bindingFailureConditions? []string list=atomic gate=DRADeviceBindingConditions,DRAResourceClaimDeviceStatus
  9 shareID? *string gate=DRAConsumableCapacity
  10 consumedCapacity? {}Quantity gate=DRAConsumableCapacity
type DeviceSelector
  1 cel? *CELDeviceSelector
type DeviceSubRequest
  1 name string required
  2 deviceClassName string required
  3 selectors? []DeviceSelector list=atomic
  4 allocationMode? DeviceAllocationMode
  5 count? int64
  6 tolerations? []DeviceToleration list=atomic gate=DRADeviceTaints
  7 capacity? *CapacityRequirements gate=DRAConsumableCapacity
type DeviceTaint
  1 key string required
  2 value? string
  3 effect DeviceTaintEffect required
  4 timeAdded? *Time
alias DeviceTaintEffect string None NoSchedule NoExecute
type DeviceToleration
  1 key? string
  2 operator? DeviceTolerationOperator default="Equal"
  3 value? string
  4 effect? DeviceTaintEffect
  5 tolerationSeconds? *int64
alias DeviceTolerationOperator string Exists Equal
type ExactDeviceRequest
  1 deviceClassName string required
  2 selectors? []DeviceSelector list=atomic
  3 allocationMode? DeviceAllocationMode
  4 count? int64
  5 adminAccess? *bool gate=DRAAdminAccess
  6 tolerations? []DeviceToleration list=atomic gate=DRADeviceTaints
  7 capacity? *CapacityRequirements gate=DRAConsumableCapacity
alias FullyQualifiedName string
type NetworkDeviceData
  1 interfaceName? string
  2 ips? []string list=atomic
  3 hardwareAddress? string
type NodeAllocatableResourceMapping
  1 capacityKey? *QualifiedName
  2 allocationMultiplier? *Quantity
type OpaqueDeviceConfiguration
  1 driver string required
  2 parameters RawExtension required
alias QualifiedName string
type ResourceClaim
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ObjectMeta
  2 spec ResourceClaimSpec
  3 status? ResourceClaimStatus
type ResourceClaimConsumerReference
  1 apiGroup? string
  3 resource string required
  4 name string required
  5 uid string required
type ResourceClaimList
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ListMeta
  2 items []ResourceClaim
type ResourceClaimSpec
  1 devices DeviceClaim optional
type ResourceClaimStatus
  1 allocation? *AllocationResult
  2 reservedFor? []ResourceClaimConsumerReference list=map keys=uid patch=merge mergeKey=uid
  4 devices? []AllocatedDeviceStatus list=map keys=driver,device,pool,shareID gate=DRAResourceClaimDeviceStatus
type ResourceClaimTemplate
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ObjectMeta
  2 spec ResourceClaimTemplateSpec
type ResourceClaimTemplateList
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ListMeta
  2 items []ResourceClaimTemplate
type ResourceClaimTemplateSpec
  1 metadata? meta/v1.ObjectMeta
  2 spec ResourceClaimSpec
type ResourcePool
  1 name string required
  2 generation int64 required
  3 resourceSliceCount int64 required
type ResourceSlice cluster
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ObjectMeta
  2 spec ResourceSliceSpec required
type ResourceSliceList
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ListMeta
  2 items []ResourceSlice
type ResourceSliceSpec
  1 driver string required
  2 pool ResourcePool required
  3 nodeName? *string
  4 nodeSelector? *core/v1.NodeSelector
  5 allNodes? *bool
  6 devices? []Device list=atomic
  7 perDeviceNodeSelection? *bool gate=DRAPartitionableDevices
  8 sharedCounters? []CounterSet list=atomic gate=DRAPartitionableDevices
`,
};
