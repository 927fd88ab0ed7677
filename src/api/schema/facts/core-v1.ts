import type { SchemaFacts } from '../facts.ts';

/** The types of v1: the notation is explained in ../facts.ts. */
export const facts: SchemaFacts = {
  id: 'core/v1',
  apiVersion: 'v1',
  openapi: 'io.k8s.api.core.v1',
  text: `
type AWSElasticBlockStoreVolumeSource
  1 volumeID string
  2 fsType? string
  3 partition? int32
  4 readOnly? bool
type Affinity
  1 nodeAffinity? *NodeAffinity
  2 podAffinity? *PodAffinity
  3 podAntiAffinity? *PodAntiAffinity
type AppArmorProfile union
  1 type AppArmorProfileType union
  2 localhostProfile? *string
alias AppArmorProfileType string Unconfined RuntimeDefault Localhost
type AttachedVolume
  1 name UniqueVolumeName
  2 devicePath string
type AvoidPods
  1 preferAvoidPods? []PreferAvoidPodsEntry list=atomic
alias AzureDataDiskCachingMode string None ReadOnly ReadWrite
alias AzureDataDiskKind string Shared Dedicated Managed
type AzureDiskVolumeSource
  1 diskName string
  2 diskURI string
  3 cachingMode? *AzureDataDiskCachingMode default=ref(AzureDataDiskCachingReadWrite)
  4 fsType? *string default="ext4"
  5 readOnly? *bool default=false
  6 kind? *AzureDataDiskKind default=ref(AzureSharedBlobDisk)
type AzureFilePersistentVolumeSource
  1 secretName string
  2 shareName string
  3 readOnly? bool
  4 secretNamespace *string optional
type AzureFileVolumeSource
  1 secretName string
  2 shareName string
  3 readOnly? bool
type Binding
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ObjectMeta
  2 target ObjectReference
type CSIPersistentVolumeSource
  1 driver string
  2 volumeHandle string
  3 readOnly? bool
  4 fsType? string
  5 volumeAttributes? {}string
  6 controllerPublishSecretRef? *SecretReference
  7 nodeStageSecretRef? *SecretReference
  8 nodePublishSecretRef? *SecretReference
  9 controllerExpandSecretRef? *SecretReference
  10 nodeExpandSecretRef? *SecretReference
type CSIVolumeSource
  1 driver string
  2 readOnly? *bool
  3 fsType? *string
  4 volumeAttributes? {}string
  5 nodePublishSecretRef? *LocalObjectReference
type Capabilities
  1 add? []Capability list=atomic
  2 drop? []Capability list=atomic
alias Capability string
type CephFSPersistentVolumeSource
  1 monitors []string list=atomic
  2 path? string
  3 user? string
  4 secretFile? string
  5 secretRef? *SecretReference
  6 readOnly? bool
type CephFSVolumeSource
  1 monitors []string list=atomic
  2 path? string
  3 user? string
  4 secretFile? string
  5 secretRef? *LocalObjectReference
  6 readOnly? bool
type CinderPersistentVolumeSource
  1 volumeID string
  2 fsType? string
  3 readOnly? bool
  4 secretRef? *SecretReference
type CinderVolumeSource
  1 volumeID string
  2 fsType? string
  3 readOnly? bool
  4 secretRef? *LocalObjectReference
alias ClaimResourceStatus string ControllerResizeInProgress ControllerResizeInfeasible NodeResizePending NodeResizeInProgress NodeResizeInfeasible
type ClientIPConfig
  1 timeoutSeconds? *int32
type ClusterTrustBundleProjection
  1 name? *string
  2 signerName? *string
  3 labelSelector? *meta/v1.LabelSelector
  5 optional? *bool
  4 path string
type ComponentCondition
  1 type ComponentConditionType
  2 status ConditionStatus
  3 message? string
  4 error? string
alias ComponentConditionType string Healthy
type ComponentStatus cluster
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ObjectMeta
  2 conditions? []ComponentCondition list=map keys=type patch=merge mergeKey=type
type ComponentStatusList
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ListMeta
  2 items []ComponentStatus
alias ConditionStatus string True False Unknown
type ConfigMap
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ObjectMeta
  4 immutable? *bool
  2 data? {}string
  3 binaryData? {}bytes
type ConfigMapEnvSource
  1 ... LocalObjectReference
  2 optional? *bool
type ConfigMapKeySelector struct=atomic
  1 ... LocalObjectReference
  2 key string
  3 optional? *bool
type ConfigMapList
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ListMeta
  2 items []ConfigMap
type ConfigMapNodeConfigSource
  1 namespace string
  2 name string
  3 uid? string
  4 resourceVersion? string
  5 kubeletConfigKey string
type ConfigMapProjection
  1 ... LocalObjectReference
  2 items? []KeyToPath list=atomic
  4 optional? *bool
type ConfigMapVolumeSource
  1 ... LocalObjectReference
  2 items? []KeyToPath list=atomic
  3 defaultMode? *int32
  4 optional? *bool
type Container
  1 name string
  2 image? string
  3 command? []string list=atomic
  4 args? []string list=atomic
  5 workingDir? string
  6 ports? []ContainerPort list=map keys=containerPort,protocol patch=merge mergeKey=containerPort
  19 envFrom? []EnvFromSource list=atomic
  7 env? []EnvVar list=map keys=name patch=merge mergeKey=name
  8 resources? ResourceRequirements
  23 resizePolicy? []ContainerResizePolicy list=atomic gate=InPlacePodVerticalScaling
  24 restartPolicy? *ContainerRestartPolicy
  25 restartPolicyRules? []ContainerRestartRule list=atomic gate=ContainerRestartRules
  9 volumeMounts? []VolumeMount list=map keys=mountPath patch=merge mergeKey=mountPath
  21 volumeDevices? []VolumeDevice list=map keys=devicePath patch=merge mergeKey=devicePath
  10 livenessProbe? *Probe
  11 readinessProbe? *Probe
  22 startupProbe? *Probe
  12 lifecycle? *Lifecycle
  13 terminationMessagePath? string
  20 terminationMessagePolicy? TerminationMessagePolicy
  14 imagePullPolicy? PullPolicy
  15 securityContext? *SecurityContext
  16 stdin? bool
  17 stdinOnce? bool
  18 tty? bool
type ContainerExtendedResourceRequest
  1 containerName string
  2 resourceName string
  3 requestName string
type ContainerImage
  1 names []string optional list=atomic
  2 sizeBytes? int64
type ContainerPort
  1 name? string
  2 hostPort? int32
  3 containerPort int32
  4 protocol? Protocol default="TCP"
  5 hostIP? string
type ContainerResizePolicy
  1 resourceName ResourceName
  2 restartPolicy ResourceResizeRestartPolicy
alias ContainerRestartPolicy string Always Never OnFailure
type ContainerRestartRule
  1 action? ContainerRestartRuleAction required
  2 exitCodes? *ContainerRestartRuleOnExitCodes
alias ContainerRestartRuleAction string Restart RestartAllContainers
type ContainerRestartRuleOnExitCodes
  1 operator? ContainerRestartRuleOnExitCodesOperator required
  2 values? []int32 list=set
alias ContainerRestartRuleOnExitCodesOperator string In NotIn
type ContainerState
  1 waiting? *ContainerStateWaiting
  2 running? *ContainerStateRunning
  3 terminated? *ContainerStateTerminated
type ContainerStateRunning
  1 startedAt? Time
type ContainerStateTerminated
  1 exitCode int32
  2 signal? int32
  3 reason? string
  4 message? string
  5 startedAt? Time
  6 finishedAt? Time
  7 containerID? string
type ContainerStateWaiting
  1 reason? string
  2 message? string
type ContainerStatus
  1 name string
  2 state? ContainerState
  3 lastState? ContainerState
  4 ready bool
  5 restartCount int32
  6 image string
  7 imageID string
  8 containerID? string
  9 started? *bool
  10 allocatedResources? ResourceList
  11 resources? *ResourceRequirements gate=InPlacePodVerticalScaling
  12 volumeMounts? []VolumeMountStatus list=map keys=mountPath patch=merge mergeKey=mountPath
  13 user? *ContainerUser gate=SupplementalGroupsPolicy
  14 allocatedResourcesStatus? []ResourceStatus list=map keys=name patch=merge mergeKey=name gate=ResourceHealthStatus
  15 stopSignal? *Signal gate=ContainerStopSignals
type ContainerUser
  1 linux? *LinuxContainerUser
alias DNSPolicy string ClusterFirstWithHostNet ClusterFirst Default None
type DaemonEndpoint
  1 Port int32
type DownwardAPIProjection
  1 items? []DownwardAPIVolumeFile list=atomic
type DownwardAPIVolumeFile
  1 path string
  2 fieldRef? *ObjectFieldSelector
  3 resourceFieldRef? *ResourceFieldSelector
  4 mode? *int32
type DownwardAPIVolumeSource
  1 items? []DownwardAPIVolumeFile list=atomic
  2 defaultMode? *int32
type EmptyDirVolumeSource
  1 medium? StorageMedium
  2 sizeLimit? *Quantity
type EndpointAddress struct=atomic
  1 ip string
  3 hostname? string
  4 nodeName? *string
  2 targetRef? *ObjectReference
type EndpointPort struct=atomic
  1 name? string
  2 port int32
  3 protocol? Protocol
  4 appProtocol? *string
type EndpointSubset
  1 addresses? []EndpointAddress list=atomic
  2 notReadyAddresses? []EndpointAddress list=atomic
  3 ports? []EndpointPort list=atomic
type Endpoints
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ObjectMeta
  2 subsets? []EndpointSubset list=atomic
type EndpointsList
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ListMeta
  2 items []Endpoints
type EnvFromSource
  1 prefix? string
  2 configMapRef? *ConfigMapEnvSource
  3 secretRef? *SecretEnvSource
type EnvVar
  1 name string
  2 value? string
  3 valueFrom? *EnvVarSource
type EnvVarSource
  1 fieldRef? *ObjectFieldSelector
  2 resourceFieldRef? *ResourceFieldSelector
  3 configMapKeyRef? *ConfigMapKeySelector
  4 secretKeyRef? *SecretKeySelector
  5 fileKeyRef? *FileKeySelector gate=EnvFiles
type EphemeralContainer
  1 ... EphemeralContainerCommon
  2 targetContainerName? string
type EphemeralContainerCommon
  1 name string
  2 image? string
  3 command? []string list=atomic
  4 args? []string list=atomic
  5 workingDir? string
  6 ports? []ContainerPort list=map keys=containerPort,protocol patch=merge mergeKey=containerPort
  19 envFrom? []EnvFromSource list=atomic
  7 env? []EnvVar list=map keys=name patch=merge mergeKey=name
  8 resources? ResourceRequirements
  23 resizePolicy? []ContainerResizePolicy list=atomic gate=InPlacePodVerticalScaling
  24 restartPolicy? *ContainerRestartPolicy
  25 restartPolicyRules? []ContainerRestartRule list=atomic gate=ContainerRestartRules
  9 volumeMounts? []VolumeMount list=map keys=mountPath patch=merge mergeKey=mountPath
  21 volumeDevices? []VolumeDevice list=map keys=devicePath patch=merge mergeKey=devicePath
  10 livenessProbe? *Probe
  11 readinessProbe? *Probe
  22 startupProbe? *Probe
  12 lifecycle? *Lifecycle
  13 terminationMessagePath? string
  20 terminationMessagePolicy? TerminationMessagePolicy
  14 imagePullPolicy? PullPolicy
  15 securityContext? *SecurityContext
  16 stdin? bool
  17 stdinOnce? bool
  18 tty? bool
type EphemeralVolumeSource
  1 volumeClaimTemplate? *PersistentVolumeClaimTemplate
type Event
  - ... meta/v1.TypeMeta
  1 metadata meta/v1.ObjectMeta
  2 involvedObject ObjectReference
  3 reason? string
  4 message? string
  5 source? EventSource
  6 firstTimestamp? Time
  7 lastTimestamp? Time
  8 count? int32
  9 type? string
  10 eventTime? MicroTime
  11 series? *EventSeries
  12 action? string
  13 related? *ObjectReference
  14 reportingComponent string optional
  15 reportingInstance string optional
type EventList
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ListMeta
  2 items []Event
type EventSeries
  1 count? int32
  2 lastObservedTime? MicroTime
type EventSource
  1 component? string
  2 host? string
type ExecAction
  1 command? []string list=atomic
type FCVolumeSource
  1 targetWWNs? []string list=atomic
  2 lun? *int32
  3 fsType? string
  4 readOnly? bool
  5 wwids? []string list=atomic
type FileKeySelector struct=atomic
  1 volumeName string required
  2 path string required
  3 key string required
  4 optional? *bool default=false
alias FinalizerName string kubernetes
type FlexPersistentVolumeSource
  1 driver string
  2 fsType? string
  3 secretRef? *SecretReference
  4 readOnly? bool
  5 options? {}string
type FlexVolumeSource
  1 driver string
  2 fsType? string
  3 secretRef? *LocalObjectReference
  4 readOnly? bool
  5 options? {}string
type FlockerVolumeSource
  1 datasetName? string
  2 datasetUUID? string
type GCEPersistentDiskVolumeSource
  1 pdName string
  2 fsType? string
  3 partition? int32
  4 readOnly? bool
type GRPCAction
  1 port int32
  2 service *string optional default=""
type GitRepoVolumeSource
  1 repository string
  2 revision? string
  3 directory? string
type GlusterfsPersistentVolumeSource
  1 endpoints string
  2 path string
  3 readOnly? bool
  4 endpointsNamespace? *string
type GlusterfsVolumeSource
  1 endpoints string
  2 path string
  3 readOnly? bool
type HTTPGetAction
  1 path? string
  2 port IntOrString
  3 host? string
  4 scheme? URIScheme
  5 httpHeaders? []HTTPHeader list=atomic
type HTTPHeader
  1 name string
  2 value string
type HostAlias
  1 ip string required
  2 hostnames? []string list=atomic
type HostIP
  1 ip string required
alias HostPathType string "" DirectoryOrCreate Directory FileOrCreate File Socket CharDevice BlockDevice
type HostPathVolumeSource
  1 path string
  2 type? *HostPathType
alias IPFamily string IPv4 IPv6 ""
alias IPFamilyPolicy string SingleStack PreferDualStack RequireDualStack
type ISCSIPersistentVolumeSource
  1 targetPortal string
  2 iqn string
  3 lun int32
  4 iscsiInterface? string default="default"
  5 fsType? string
  6 readOnly? bool
  7 portals? []string list=atomic
  8 chapAuthDiscovery? bool
  11 chapAuthSession? bool
  10 secretRef? *SecretReference
  12 initiatorName? *string
type ISCSIVolumeSource
  1 targetPortal string
  2 iqn string
  3 lun int32
  4 iscsiInterface? string default="default"
  5 fsType? string
  6 readOnly? bool
  7 portals? []string list=atomic
  8 chapAuthDiscovery? bool
  11 chapAuthSession? bool
  10 secretRef? *LocalObjectReference
  12 initiatorName? *string
type ImageVolumeSource
  1 reference? string
  2 pullPolicy? PullPolicy
type ImageVolumeStatus
  1 imageRef? string required
type KeyToPath
  1 key string
  2 path string
  3 mode? *int32
type Lifecycle
  1 postStart? *LifecycleHandler
  2 preStop? *LifecycleHandler
  3 stopSignal? *Signal
type LifecycleHandler
  1 exec? *ExecAction
  2 httpGet? *HTTPGetAction
  3 tcpSocket? *TCPSocketAction
  4 sleep? *SleepAction
type LimitRange
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ObjectMeta
  2 spec? LimitRangeSpec
type LimitRangeItem
  1 type LimitType
  2 max? ResourceList
  3 min? ResourceList
  4 default? ResourceList
  5 defaultRequest? ResourceList
  6 maxLimitRequestRatio? ResourceList
type LimitRangeList
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ListMeta
  2 items []LimitRange
type LimitRangeSpec
  1 limits []LimitRangeItem list=atomic
alias LimitType string Pod Container PersistentVolumeClaim
type LinuxContainerUser
  1 uid int64
  2 gid int64
  3 supplementalGroups? []int64 list=atomic
alias List meta/v1.List
alias LoadBalancerIPMode string VIP Proxy
type LoadBalancerIngress
  1 ip? string
  2 hostname? string
  3 ipMode? *LoadBalancerIPMode
  4 ports? []PortStatus list=atomic
type LoadBalancerStatus
  1 ingress? []LoadBalancerIngress list=atomic
type LocalObjectReference struct=atomic
  1 name? string default=""
type LocalVolumeSource
  1 path string
  2 fsType? *string
type ModifyVolumeStatus
  1 targetVolumeAttributesClassName? string
  2 status PersistentVolumeClaimModifyVolumeStatus
alias MountPropagationMode string None HostToContainer Bidirectional
type NFSVolumeSource
  1 server string
  2 path string
  3 readOnly? bool
type Namespace cluster
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ObjectMeta
  2 spec? NamespaceSpec
  3 status? NamespaceStatus
type NamespaceCondition
  1 type NamespaceConditionType
  2 status ConditionStatus
  4 lastTransitionTime? Time
  5 reason? string
  6 message? string
alias NamespaceConditionType string NamespaceDeletionDiscoveryFailure NamespaceDeletionContentFailure NamespaceDeletionGroupVersionParsingFailure NamespaceContentRemaining NamespaceFinalizersRemaining
type NamespaceList
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ListMeta
  2 items []Namespace
alias NamespacePhase string Active Terminating
type NamespaceSpec
  1 finalizers? []FinalizerName list=atomic
type NamespaceStatus
  1 phase? NamespacePhase
  2 conditions? []NamespaceCondition list=map keys=type patch=merge mergeKey=type
type Node cluster
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ObjectMeta
  2 spec? NodeSpec
  3 status? NodeStatus
type NodeAddress
  1 type NodeAddressType
  2 address string
alias NodeAddressType string Hostname InternalIP ExternalIP InternalDNS ExternalDNS
type NodeAffinity
  1 requiredDuringSchedulingIgnoredDuringExecution? *NodeSelector
  2 preferredDuringSchedulingIgnoredDuringExecution? []PreferredSchedulingTerm list=atomic
type NodeAllocatableResourceClaimStatus
  1 resourceClaimName string required
  2 containers? []string list=set
  3 resources {}Quantity required
type NodeCondition
  1 type NodeConditionType
  2 status ConditionStatus
  3 lastHeartbeatTime? Time
  4 lastTransitionTime? Time
  5 reason? string
  6 message? string
alias NodeConditionType string Ready MemoryPressure DiskPressure PIDPressure NetworkUnavailable
type NodeConfigSource
  2 configMap? *ConfigMapNodeConfigSource
type NodeConfigStatus
  1 assigned? *NodeConfigSource
  2 active? *NodeConfigSource
  3 lastKnownGood? *NodeConfigSource
  4 error? string
type NodeDaemonEndpoints
  1 kubeletEndpoint? DaemonEndpoint
type NodeFeatures
  1 supplementalGroupsPolicy? *bool
alias NodeInclusionPolicy string Ignore Honor
type NodeList
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ListMeta
  2 items []Node
alias NodePhase string Pending Running Terminated
type NodeProxyOptions
  - ... meta/v1.TypeMeta
  1 path? string
type NodeRuntimeHandler
  1 name string optional
  2 features? *NodeRuntimeHandlerFeatures
type NodeRuntimeHandlerFeatures
  1 recursiveReadOnlyMounts? *bool
  2 userNamespaces? *bool
type NodeSelector struct=atomic
  1 nodeSelectorTerms []NodeSelectorTerm list=atomic
alias NodeSelectorOperator string In NotIn Exists DoesNotExist Gt Lt
type NodeSelectorRequirement
  1 key string
  2 operator NodeSelectorOperator
  3 values? []string list=atomic
type NodeSelectorTerm struct=atomic
  1 matchExpressions? []NodeSelectorRequirement list=atomic
  2 matchFields? []NodeSelectorRequirement list=atomic
type NodeSpec
  1 podCIDR? string
  7 podCIDRs? []string list=set patch=merge
  3 providerID? string
  4 unschedulable? bool
  5 taints? []Taint list=atomic
  6 configSource? *NodeConfigSource
  2 externalID? string
type NodeStatus
  1 capacity? ResourceList
  2 allocatable? ResourceList
  3 phase? NodePhase
  4 conditions? []NodeCondition list=map keys=type patch=merge mergeKey=type
  5 addresses? []NodeAddress list=map keys=type patch=merge mergeKey=type
  6 daemonEndpoints? NodeDaemonEndpoints
  7 nodeInfo? NodeSystemInfo
  8 images? []ContainerImage list=atomic
  9 volumesInUse? []UniqueVolumeName list=atomic
  10 volumesAttached? []AttachedVolume list=atomic
  11 config? *NodeConfigStatus
  12 runtimeHandlers? []NodeRuntimeHandler list=atomic
  13 features? *NodeFeatures gate=SupplementalGroupsPolicy
  14 declaredFeatures? []string list=atomic gate=NodeDeclaredFeatures
type NodeSwapStatus
  1 capacity? *int64
type NodeSystemInfo
  1 machineID string
  2 systemUUID string
  3 bootID string
  4 kernelVersion string
  5 osImage string
  6 containerRuntimeVersion string
  7 kubeletVersion string
  8 kubeProxyVersion string
  9 operatingSystem string
  10 architecture string
  11 swap? *NodeSwapStatus
alias OSName string linux windows
type ObjectFieldSelector struct=atomic
  1 apiVersion? string
  2 fieldPath string
type ObjectReference struct=atomic
  1 kind? string
  2 namespace? string
  3 name? string
  4 uid? string
  5 apiVersion? string
  6 resourceVersion? string
  7 fieldPath? string
type PersistentVolume cluster
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ObjectMeta
  2 spec? PersistentVolumeSpec
  3 status? PersistentVolumeStatus
alias PersistentVolumeAccessMode string ReadWriteOnce ReadOnlyMany ReadWriteMany ReadWriteOncePod
type PersistentVolumeClaim
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ObjectMeta
  2 spec? PersistentVolumeClaimSpec
  3 status? PersistentVolumeClaimStatus
type PersistentVolumeClaimCondition
  1 type PersistentVolumeClaimConditionType
  2 status ConditionStatus
  3 lastProbeTime? Time
  4 lastTransitionTime? Time
  5 reason? string
  6 message? string
alias PersistentVolumeClaimConditionType string Resizing FileSystemResizePending ControllerResizeError NodeResizeError ModifyVolumeError ModifyingVolume Unused
type PersistentVolumeClaimList
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ListMeta
  2 items []PersistentVolumeClaim
alias PersistentVolumeClaimModifyVolumeStatus string Pending InProgress Infeasible
alias PersistentVolumeClaimPhase string Pending Bound Lost
type PersistentVolumeClaimSpec
  1 accessModes? []PersistentVolumeAccessMode list=atomic
  4 selector? *meta/v1.LabelSelector
  2 resources? VolumeResourceRequirements
  3 volumeName? string
  5 storageClassName? *string
  6 volumeMode? *PersistentVolumeMode
  7 dataSource? *TypedLocalObjectReference
  8 dataSourceRef? *TypedObjectReference
  9 volumeAttributesClassName? *string gate=VolumeAttributesClass
type PersistentVolumeClaimStatus
  1 phase? PersistentVolumeClaimPhase
  2 accessModes? []PersistentVolumeAccessMode list=atomic
  3 capacity? ResourceList
  4 conditions? []PersistentVolumeClaimCondition list=map keys=type patch=merge mergeKey=type
  5 allocatedResources? ResourceList
  7 allocatedResourceStatuses? {}ClaimResourceStatus map=granular
  8 currentVolumeAttributesClassName? *string gate=VolumeAttributesClass
  9 modifyVolumeStatus? *ModifyVolumeStatus gate=VolumeAttributesClass
type PersistentVolumeClaimTemplate
  1 metadata? meta/v1.ObjectMeta
  2 spec PersistentVolumeClaimSpec
type PersistentVolumeClaimVolumeSource
  1 claimName string
  2 readOnly? bool
type PersistentVolumeList
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ListMeta
  2 items []PersistentVolume
alias PersistentVolumeMode string Block Filesystem
alias PersistentVolumePhase string Pending Available Bound Released Failed
alias PersistentVolumeReclaimPolicy string Recycle Delete Retain
type PersistentVolumeSource
  1 gcePersistentDisk? *GCEPersistentDiskVolumeSource
  2 awsElasticBlockStore? *AWSElasticBlockStoreVolumeSource
  3 hostPath? *HostPathVolumeSource
  4 glusterfs? *GlusterfsPersistentVolumeSource
  5 nfs? *NFSVolumeSource
  6 rbd? *RBDPersistentVolumeSource
  7 iscsi? *ISCSIPersistentVolumeSource
  8 cinder? *CinderPersistentVolumeSource
  9 cephfs? *CephFSPersistentVolumeSource
  10 fc? *FCVolumeSource
  11 flocker? *FlockerVolumeSource
  12 flexVolume? *FlexPersistentVolumeSource
  13 azureFile? *AzureFilePersistentVolumeSource
  14 vsphereVolume? *VsphereVirtualDiskVolumeSource
  15 quobyte? *QuobyteVolumeSource
  16 azureDisk? *AzureDiskVolumeSource
  17 photonPersistentDisk? *PhotonPersistentDiskVolumeSource
  18 portworxVolume? *PortworxVolumeSource
  19 scaleIO? *ScaleIOPersistentVolumeSource
  20 local? *LocalVolumeSource
  21 storageos? *StorageOSPersistentVolumeSource
  22 csi? *CSIPersistentVolumeSource
type PersistentVolumeSpec
  1 capacity? ResourceList
  2 ... PersistentVolumeSource
  3 accessModes? []PersistentVolumeAccessMode list=atomic
  4 claimRef? *ObjectReference struct=granular
  5 persistentVolumeReclaimPolicy? PersistentVolumeReclaimPolicy
  6 storageClassName? string
  7 mountOptions? []string list=atomic
  8 volumeMode? *PersistentVolumeMode
  9 nodeAffinity? *VolumeNodeAffinity
  10 volumeAttributesClassName? *string gate=VolumeAttributesClass
type PersistentVolumeStatus
  1 phase? PersistentVolumePhase
  2 message? string
  3 reason? string
  4 lastPhaseTransitionTime? *Time
type PhotonPersistentDiskVolumeSource
  1 pdID string
  2 fsType? string
type Pod
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ObjectMeta
  2 spec? PodSpec
  3 status? PodStatus
type PodAffinity
  1 requiredDuringSchedulingIgnoredDuringExecution? []PodAffinityTerm list=atomic
  2 preferredDuringSchedulingIgnoredDuringExecution? []WeightedPodAffinityTerm list=atomic
type PodAffinityTerm
  1 labelSelector? *meta/v1.LabelSelector
  2 namespaces? []string list=atomic
  3 topologyKey string
  4 namespaceSelector? *meta/v1.LabelSelector
  5 matchLabelKeys? []string list=atomic
  6 mismatchLabelKeys? []string list=atomic
type PodAntiAffinity
  1 requiredDuringSchedulingIgnoredDuringExecution? []PodAffinityTerm list=atomic
  2 preferredDuringSchedulingIgnoredDuringExecution? []WeightedPodAffinityTerm list=atomic
type PodAttachOptions
  - ... meta/v1.TypeMeta
  1 stdin? bool
  2 stdout? bool
  3 stderr? bool
  4 tty? bool
  5 container? string
type PodCertificateProjection
  1 signerName? string required
  2 keyType? string required
  3 maxExpirationSeconds? *int32
  4 credentialBundlePath? string
  5 keyPath? string
  6 certificateChainPath? string
  7 userAnnotations? {}string
type PodCondition
  1 type PodConditionType
  7 observedGeneration? int64
  2 status ConditionStatus
  3 lastProbeTime? Time
  4 lastTransitionTime? Time
  5 reason? string
  6 message? string
alias PodConditionType string ContainersReady Initialized Ready PodScheduled DisruptionTarget PodReadyToStartContainers PodResizePending PodResizeInProgress AllContainersRestarting
type PodDNSConfig
  1 nameservers? []string list=atomic
  2 searches? []string list=atomic
  3 options? []PodDNSConfigOption list=atomic
type PodDNSConfigOption
  1 name? string
  2 value? *string
type PodExecOptions
  - ... meta/v1.TypeMeta
  1 stdin? bool
  2 stdout? bool
  3 stderr? bool
  4 tty? bool
  5 container? string
  6 command []string list=atomic
type PodExtendedResourceClaimStatus
  1 requestMappings []ContainerExtendedResourceRequest list=atomic
  2 resourceClaimName string
alias PodFSGroupChangePolicy string OnRootMismatch Always
type PodIP
  1 ip string required
type PodList
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ListMeta
  2 items []Pod
type PodLogOptions
  - ... meta/v1.TypeMeta
  1 container? string
  2 follow? bool
  3 previous? bool
  4 sinceSeconds? *int64
  5 sinceTime? *Time
  6 timestamps? bool
  7 tailLines? *int64
  8 limitBytes? *int64
  9 insecureSkipTLSVerifyBackend? bool
  10 stream? *string gate=PodLogsQuerySplitStreams
type PodOS
  1 name OSName
alias PodPhase string Pending Running Succeeded Failed Unknown
type PodPortForwardOptions
  - ... meta/v1.TypeMeta
  1 ports? []int32 list=atomic
type PodProxyOptions
  - ... meta/v1.TypeMeta
  1 path? string
alias PodQOSClass string Guaranteed Burstable BestEffort
type PodReadinessGate
  1 conditionType PodConditionType
alias PodResizeStatus string InProgress Deferred Infeasible
type PodResourceClaim
  1 name string
  3 resourceClaimName? *string
  4 resourceClaimTemplateName? *string
type PodResourceClaimStatus
  1 name string
  2 resourceClaimName? *string
alias PodSELinuxChangePolicy string Recursive MountOption
type PodSchedulingGate
  1 name string
type PodSchedulingGroup union
  1 podGroupName? *string
type PodSecurityContext
  1 seLinuxOptions? *SELinuxOptions
  8 windowsOptions? *WindowsSecurityContextOptions
  2 runAsUser? *int64
  6 runAsGroup? *int64
  3 runAsNonRoot? *bool
  4 supplementalGroups? []int64 list=atomic
  12 supplementalGroupsPolicy? *SupplementalGroupsPolicy gate=SupplementalGroupsPolicy
  5 fsGroup? *int64
  7 sysctls? []Sysctl list=atomic
  9 fsGroupChangePolicy? *PodFSGroupChangePolicy
  10 seccompProfile? *SeccompProfile
  11 appArmorProfile? *AppArmorProfile
  13 seLinuxChangePolicy? *PodSELinuxChangePolicy gate=SELinuxChangePolicy
type PodSignature
  1 podController? *meta/v1.OwnerReference
type PodSpec
  1 volumes? []Volume list=map keys=name patch=merge,retainKeys mergeKey=name
  20 initContainers? []Container list=map keys=name patch=merge mergeKey=name
  2 containers []Container list=map keys=name patch=merge mergeKey=name
  34 ephemeralContainers? []EphemeralContainer list=map keys=name patch=merge mergeKey=name
  3 restartPolicy? RestartPolicy
  4 terminationGracePeriodSeconds? *int64
  5 activeDeadlineSeconds? *int64
  6 dnsPolicy? DNSPolicy
  7 nodeSelector? {}string map=atomic
  8 serviceAccountName? string
  9 serviceAccount? string
  21 automountServiceAccountToken? *bool
  10 nodeName? string
  11 hostNetwork? bool
  12 hostPID? bool
  13 hostIPC? bool
  27 shareProcessNamespace? *bool
  14 securityContext? *PodSecurityContext
  15 imagePullSecrets? []LocalObjectReference list=map keys=name patch=merge mergeKey=name
  16 hostname? string
  17 subdomain? string
  18 affinity? *Affinity
  19 schedulerName? string
  22 tolerations? []Toleration list=atomic
  23 hostAliases? []HostAlias list=map keys=ip patch=merge mergeKey=ip
  24 priorityClassName? string
  25 priority? *int32
  26 dnsConfig? *PodDNSConfig
  28 readinessGates? []PodReadinessGate list=atomic
  29 runtimeClassName? *string
  30 enableServiceLinks? *bool
  31 preemptionPolicy? *PreemptionPolicy
  32 overhead? ResourceList
  33 topologySpreadConstraints? []TopologySpreadConstraint list=map keys=topologyKey,whenUnsatisfiable patch=merge mergeKey=topologyKey
  35 setHostnameAsFQDN? *bool
  36 os? *PodOS
  37 hostUsers? *bool
  38 schedulingGates? []PodSchedulingGate list=map keys=name patch=merge mergeKey=name
  39 resourceClaims? []PodResourceClaim list=map keys=name patch=merge,retainKeys mergeKey=name gate=DynamicResourceAllocation
  40 resources? *ResourceRequirements gate=PodLevelResources
  41 hostnameOverride? *string gate=HostnameOverride
  43 schedulingGroup? *PodSchedulingGroup gate=GenericWorkload
type PodStatus
  17 observedGeneration? int64
  1 phase? PodPhase
  2 conditions? []PodCondition list=map keys=type patch=merge mergeKey=type
  3 message? string
  4 reason? string
  11 nominatedNodeName? string
  5 hostIP? string
  16 hostIPs? []HostIP list=atomic patch=merge mergeKey=ip
  6 podIP? string
  12 podIPs? []PodIP list=map keys=ip patch=merge mergeKey=ip
  7 startTime? *Time
  10 initContainerStatuses? []ContainerStatus list=atomic
  8 containerStatuses? []ContainerStatus list=atomic
  9 qosClass? PodQOSClass
  13 ephemeralContainerStatuses? []ContainerStatus list=atomic
  14 resize? PodResizeStatus gate=InPlacePodVerticalScaling
  15 resourceClaimStatuses? []PodResourceClaimStatus list=map keys=name patch=merge,retainKeys mergeKey=name gate=DynamicResourceAllocation
  18 extendedResourceClaimStatus? *PodExtendedResourceClaimStatus gate=DRAExtendedResource
  19 allocatedResources? ResourceList gate=InPlacePodLevelResourcesVerticalScaling
  20 resources? *ResourceRequirements gate=InPlacePodLevelResourcesVerticalScaling
  21 nodeAllocatableResourceClaimStatuses? []NodeAllocatableResourceClaimStatus list=atomic gate=DRANodeAllocatableResources
type PodStatusResult
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ObjectMeta
  2 status? PodStatus
type PodTemplate
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ObjectMeta
  2 template? PodTemplateSpec
type PodTemplateList
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ListMeta
  2 items []PodTemplate
type PodTemplateSpec
  1 metadata? meta/v1.ObjectMeta
  2 spec? PodSpec
type PortStatus
  1 port int32
  2 protocol Protocol
  3 error? *string
type PortworxVolumeSource
  1 volumeID string
  2 fsType? string
  3 readOnly? bool
type Preconditions
  1 uid? *string
alias PreemptionPolicy string PreemptLowerPriority Never
type PreferAvoidPodsEntry
  1 podSignature PodSignature
  2 evictionTime? Time
  3 reason? string
  4 message? string
type PreferredSchedulingTerm
  1 weight int32
  2 preference NodeSelectorTerm
type Probe
  1 ... ProbeHandler
  2 initialDelaySeconds? int32
  3 timeoutSeconds? int32
  4 periodSeconds? int32
  5 successThreshold? int32
  6 failureThreshold? int32
  7 terminationGracePeriodSeconds? *int64
type ProbeHandler
  1 exec? *ExecAction
  2 httpGet? *HTTPGetAction
  3 tcpSocket? *TCPSocketAction
  4 grpc? *GRPCAction
alias ProcMountType string Default Unmasked
type ProjectedVolumeSource
  1 sources []VolumeProjection optional list=atomic
  2 defaultMode? *int32
alias Protocol string TCP UDP SCTP
alias PullPolicy string Always Never IfNotPresent
type QuobyteVolumeSource
  1 registry string
  2 volume string
  3 readOnly? bool
  4 user? string
  5 group? string
  6 tenant? string
type RBDPersistentVolumeSource
  1 monitors []string list=atomic
  2 image string
  3 fsType? string
  4 pool? string default="rbd"
  5 user? string default="admin"
  6 keyring? string default="/etc/ceph/keyring"
  7 secretRef? *SecretReference
  8 readOnly? bool
type RBDVolumeSource
  1 monitors []string list=atomic
  2 image string
  3 fsType? string
  4 pool? string default="rbd"
  5 user? string default="admin"
  6 keyring? string default="/etc/ceph/keyring"
  7 secretRef? *LocalObjectReference
  8 readOnly? bool
type RangeAllocation
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ObjectMeta
  2 range string
  3 data bytes
alias RecursiveReadOnlyMode string Disabled IfPossible Enabled
type ReplicationController
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ObjectMeta
  2 spec? ReplicationControllerSpec
  3 status? ReplicationControllerStatus
type ReplicationControllerCondition
  1 type ReplicationControllerConditionType
  2 status ConditionStatus
  3 lastTransitionTime? Time
  4 reason? string
  5 message? string
alias ReplicationControllerConditionType string ReplicaFailure
type ReplicationControllerList
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ListMeta
  2 items []ReplicationController
type ReplicationControllerSpec
  1 replicas? *int32 default=1
  4 minReadySeconds? int32 default=0
  2 selector? {}string map=atomic
  3 template? *PodTemplateSpec
type ReplicationControllerStatus
  1 replicas int32
  2 fullyLabeledReplicas? int32
  4 readyReplicas? int32
  5 availableReplicas? int32
  3 observedGeneration? int64
  6 conditions? []ReplicationControllerCondition list=map keys=type patch=merge mergeKey=type
type ResourceClaim
  1 name string
  2 request? string
type ResourceFieldSelector struct=atomic
  1 containerName? string
  2 resource string
  3 divisor? Quantity
type ResourceHealth
  1 resourceID ResourceID
  2 health? ResourceHealthStatus
  6 message? *string gate=ResourceHealthStatusMessage
alias ResourceHealthStatus string Healthy Unhealthy Unknown
alias ResourceID string
alias ResourceList {}Quantity
alias ResourceName string cpu memory storage ephemeral-storage pods services replicationcontrollers resourcequotas secrets configmaps persistentvolumeclaims services.nodeports services.loadbalancers requests.cpu requests.memory requests.storage requests.ephemeral-storage limits.cpu limits.memory limits.ephemeral-storage
type ResourceQuota
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ObjectMeta
  2 spec? ResourceQuotaSpec
  3 status? ResourceQuotaStatus
type ResourceQuotaList
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ListMeta
  2 items []ResourceQuota
alias ResourceQuotaScope string Terminating NotTerminating BestEffort NotBestEffort PriorityClass CrossNamespacePodAffinity VolumeAttributesClass
type ResourceQuotaSpec
  1 hard? ResourceList
  2 scopes? []ResourceQuotaScope list=atomic
  3 scopeSelector? *ScopeSelector
type ResourceQuotaStatus
  1 hard? ResourceList
  2 used? ResourceList
type ResourceRequirements
  1 limits? ResourceList
  2 requests? ResourceList
  3 claims? []ResourceClaim list=map keys=name gate=DynamicResourceAllocation
alias ResourceResizeRestartPolicy string NotRequired RestartContainer
type ResourceStatus
  1 name ResourceName required
  2 resources? []ResourceHealth list=map keys=resourceID
alias RestartPolicy string Always OnFailure Never
type SELinuxOptions
  1 user? string
  2 role? string
  3 type? string
  4 level? string
type ScaleIOPersistentVolumeSource
  1 gateway string
  2 system string
  3 secretRef *SecretReference
  4 sslEnabled? bool
  5 protectionDomain? string
  6 storagePool? string
  7 storageMode? string default="ThinProvisioned"
  8 volumeName? string
  9 fsType? string default="xfs"
  10 readOnly? bool
type ScaleIOVolumeSource
  1 gateway string
  2 system string
  3 secretRef *LocalObjectReference
  4 sslEnabled? bool
  5 protectionDomain? string
  6 storagePool? string
  7 storageMode? string default="ThinProvisioned"
  8 volumeName? string
  9 fsType? string default="xfs"
  10 readOnly? bool
type ScopeSelector struct=atomic
  1 matchExpressions? []ScopedResourceSelectorRequirement list=atomic
alias ScopeSelectorOperator string In NotIn Exists DoesNotExist
type ScopedResourceSelectorRequirement
  1 scopeName ResourceQuotaScope
  2 operator ScopeSelectorOperator
  3 values? []string list=atomic
type SeccompProfile union
  1 type SeccompProfileType union
  2 localhostProfile? *string
alias SeccompProfileType string Unconfined RuntimeDefault Localhost
type Secret
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ObjectMeta
  5 immutable? *bool
  2 data? {}bytes
  4 stringData? {}string
  3 type? SecretType
type SecretEnvSource
  1 ... LocalObjectReference
  2 optional? *bool
type SecretKeySelector struct=atomic
  1 ... LocalObjectReference
  2 key string
  3 optional? *bool
type SecretList
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ListMeta
  2 items []Secret
type SecretProjection
  1 ... LocalObjectReference
  2 items? []KeyToPath list=atomic
  4 optional? *bool
type SecretReference struct=atomic
  1 name? string
  2 namespace? string
alias SecretType string Opaque kubernetes.io/service-account-token kubernetes.io/dockercfg kubernetes.io/dockerconfigjson kubernetes.io/basic-auth kubernetes.io/ssh-auth kubernetes.io/tls bootstrap.kubernetes.io/token
type SecretVolumeSource
  1 secretName? string
  2 items? []KeyToPath list=atomic
  3 defaultMode? *int32
  4 optional? *bool
type SecurityContext
  1 capabilities? *Capabilities
  2 privileged? *bool
  3 seLinuxOptions? *SELinuxOptions
  10 windowsOptions? *WindowsSecurityContextOptions
  4 runAsUser? *int64
  8 runAsGroup? *int64
  5 runAsNonRoot? *bool
  6 readOnlyRootFilesystem? *bool
  7 allowPrivilegeEscalation? *bool
  9 procMount? *ProcMountType
  11 seccompProfile? *SeccompProfile
  12 appArmorProfile? *AppArmorProfile
type SerializedReference
  - ... meta/v1.TypeMeta
  1 reference? ObjectReference
type Service
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ObjectMeta
  2 spec? ServiceSpec
  3 status? ServiceStatus
type ServiceAccount
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ObjectMeta
  2 secrets? []ObjectReference list=map keys=name patch=merge mergeKey=name
  3 imagePullSecrets? []LocalObjectReference list=atomic
  4 automountServiceAccountToken? *bool
type ServiceAccountList
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ListMeta
  2 items []ServiceAccount
type ServiceAccountTokenProjection
  1 audience? string
  2 expirationSeconds? *int64
  3 path string
alias ServiceAffinity string ClientIP None
alias ServiceExternalTrafficPolicy string Cluster Local
alias ServiceInternalTrafficPolicy string Cluster Local
type ServiceList
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ListMeta
  2 items []Service
type ServicePort
  1 name? string
  2 protocol? Protocol default="TCP"
  6 appProtocol? *string
  3 port int32
  4 targetPort? IntOrString
  5 nodePort? int32
type ServiceProxyOptions
  - ... meta/v1.TypeMeta
  1 path? string
type ServiceSpec
  1 ports? []ServicePort list=map keys=port,protocol patch=merge mergeKey=port
  2 selector? {}string map=atomic
  3 clusterIP? string
  18 clusterIPs? []string list=atomic
  4 type? ServiceType
  5 externalIPs? []string list=atomic
  7 sessionAffinity? ServiceAffinity
  8 loadBalancerIP? string
  9 loadBalancerSourceRanges? []string list=atomic
  10 externalName? string
  11 externalTrafficPolicy? ServiceExternalTrafficPolicy
  12 healthCheckNodePort? int32
  13 publishNotReadyAddresses? bool
  14 sessionAffinityConfig? *SessionAffinityConfig
  19 ipFamilies? []IPFamily list=atomic
  17 ipFamilyPolicy? *IPFamilyPolicy
  20 allocateLoadBalancerNodePorts? *bool
  21 loadBalancerClass? *string
  22 internalTrafficPolicy? *ServiceInternalTrafficPolicy
  23 trafficDistribution? *string
type ServiceStatus
  1 loadBalancer? LoadBalancerStatus
  2 conditions? []meta/v1.Condition list=map keys=type patch=merge mergeKey=type
alias ServiceType string ClusterIP NodePort LoadBalancer ExternalName
type SessionAffinityConfig
  1 clientIP? *ClientIPConfig
alias Signal string SIGABRT SIGALRM SIGBUS SIGCHLD SIGCLD SIGCONT SIGFPE SIGHUP SIGILL SIGINT SIGIO SIGIOT SIGKILL SIGPIPE SIGPOLL SIGPROF SIGPWR SIGQUIT SIGSEGV SIGSTKFLT SIGSTOP SIGSYS SIGTERM SIGTRAP SIGTSTP SIGTTIN SIGTTOU SIGURG SIGUSR1 SIGUSR2 SIGVTALRM SIGWINCH SIGXCPU SIGXFSZ SIGRTMIN SIGRTMIN+1 SIGRTMIN+2 SIGRTMIN+3 SIGRTMIN+4 SIGRTMIN+5 SIGRTMIN+6 SIGRTMIN+7 SIGRTMIN+8 SIGRTMIN+9 SIGRTMIN+10 SIGRTMIN+11 SIGRTMIN+12 SIGRTMIN+13 SIGRTMIN+14 SIGRTMIN+15 SIGRTMAX-14 SIGRTMAX-13 SIGRTMAX-12 SIGRTMAX-11 SIGRTMAX-10 SIGRTMAX-9 SIGRTMAX-8 SIGRTMAX-7 SIGRTMAX-6 SIGRTMAX-5 SIGRTMAX-4 SIGRTMAX-3 SIGRTMAX-2 SIGRTMAX-1 SIGRTMAX
type SleepAction
  1 seconds int64
alias StorageMedium string "" Memory HugePages HugePages-
type StorageOSPersistentVolumeSource
  1 volumeName? string
  2 volumeNamespace? string
  3 fsType? string
  4 readOnly? bool
  5 secretRef? *ObjectReference
type StorageOSVolumeSource
  1 volumeName? string
  2 volumeNamespace? string
  3 fsType? string
  4 readOnly? bool
  5 secretRef? *LocalObjectReference
alias SupplementalGroupsPolicy string Merge Strict
type Sysctl
  1 name string
  2 value string
type TCPSocketAction
  1 port IntOrString
  2 host? string
type Taint
  1 key string
  2 value? string
  3 effect TaintEffect
  4 timeAdded? *Time
alias TaintEffect string NoSchedule PreferNoSchedule NoExecute
alias TerminationMessagePolicy string File FallbackToLogsOnError
type Toleration
  1 key? string
  2 operator? TolerationOperator
  3 value? string
  4 effect? TaintEffect
  5 tolerationSeconds? *int64
alias TolerationOperator string Exists Equal Lt Gt
type TopologySelectorLabelRequirement
  1 key string
  2 values []string list=atomic
type TopologySelectorTerm struct=atomic
  1 matchLabelExpressions? []TopologySelectorLabelRequirement list=atomic
type TopologySpreadConstraint
  1 maxSkew int32
  2 topologyKey string
  3 whenUnsatisfiable UnsatisfiableConstraintAction
  4 labelSelector? *meta/v1.LabelSelector
  5 minDomains? *int32
  6 nodeAffinityPolicy? *NodeInclusionPolicy
  7 nodeTaintsPolicy? *NodeInclusionPolicy
  8 matchLabelKeys? []string list=atomic
type TypedLocalObjectReference struct=atomic
  1 apiGroup *string optional
  2 kind string
  3 name string
type TypedObjectReference
  1 apiGroup *string optional
  2 kind string
  3 name string
  4 namespace? *string gate=CrossNamespaceVolumeDataSource
alias URIScheme string HTTP HTTPS
alias UniqueVolumeName string
alias UnsatisfiableConstraintAction string DoNotSchedule ScheduleAnyway
type Volume
  1 name string
  2 ... VolumeSource
type VolumeDevice
  1 name string
  2 devicePath string
type VolumeMount
  1 name string
  2 readOnly? bool
  7 recursiveReadOnly? *RecursiveReadOnlyMode
  3 mountPath string
  4 subPath? string
  5 mountPropagation? *MountPropagationMode
  6 subPathExpr? string
type VolumeMountStatus
  1 name string
  2 mountPath string
  3 readOnly? bool
  4 recursiveReadOnly? *RecursiveReadOnlyMode
  5 volumeStatus? *VolumeStatus
type VolumeNodeAffinity
  1 required? *NodeSelector
type VolumeProjection
  1 secret? *SecretProjection
  2 downwardAPI? *DownwardAPIProjection
  3 configMap? *ConfigMapProjection
  4 serviceAccountToken? *ServiceAccountTokenProjection
  5 clusterTrustBundle? *ClusterTrustBundleProjection gate=ClusterTrustBundleProjection
  6 podCertificate? *PodCertificateProjection gate=PodCertificateProjection
type VolumeResourceRequirements
  1 limits? ResourceList
  2 requests? ResourceList
type VolumeSource
  1 hostPath? *HostPathVolumeSource
  2 emptyDir? *EmptyDirVolumeSource
  3 gcePersistentDisk? *GCEPersistentDiskVolumeSource
  4 awsElasticBlockStore? *AWSElasticBlockStoreVolumeSource
  5 gitRepo? *GitRepoVolumeSource
  6 secret? *SecretVolumeSource
  7 nfs? *NFSVolumeSource
  8 iscsi? *ISCSIVolumeSource
  9 glusterfs? *GlusterfsVolumeSource
  10 persistentVolumeClaim? *PersistentVolumeClaimVolumeSource
  11 rbd? *RBDVolumeSource
  12 flexVolume? *FlexVolumeSource
  13 cinder? *CinderVolumeSource
  14 cephfs? *CephFSVolumeSource
  15 flocker? *FlockerVolumeSource
  16 downwardAPI? *DownwardAPIVolumeSource
  17 fc? *FCVolumeSource
  18 azureFile? *AzureFileVolumeSource
  19 configMap? *ConfigMapVolumeSource
  20 vsphereVolume? *VsphereVirtualDiskVolumeSource
  21 quobyte? *QuobyteVolumeSource
  22 azureDisk? *AzureDiskVolumeSource
  23 photonPersistentDisk? *PhotonPersistentDiskVolumeSource
  26 projected? *ProjectedVolumeSource
  24 portworxVolume? *PortworxVolumeSource
  25 scaleIO? *ScaleIOVolumeSource
  27 storageos? *StorageOSVolumeSource
  28 csi? *CSIVolumeSource
  29 ephemeral? *EphemeralVolumeSource
  30 image? *ImageVolumeSource
type VolumeStatus
  1 image? *ImageVolumeStatus gate=ImageVolumeWithDigest
type VsphereVirtualDiskVolumeSource
  1 volumePath string
  2 fsType? string
  3 storagePolicyName? string
  4 storagePolicyID? string
type WeightedPodAffinityTerm
  1 weight int32
  2 podAffinityTerm PodAffinityTerm
type WindowsSecurityContextOptions
  1 gmsaCredentialSpecName? *string
  2 gmsaCredentialSpec? *string
  3 runAsUserName? *string
  4 hostProcess? *bool
`,
};
