import { Pod } from '../../api/core/pod.ts';
import type { KubeObject, Shared } from '../../api/kind.ts';
import { ResourceClaim } from '../../api/resource/resource-claim.ts';
import type { ContainerExtendedResourceRequest } from '../../api/types/core-v1.ts';
import type { AllocationResult } from '../../api/types/resource-v1.ts';
import { deepEqual } from '../../base/deep.ts';
import { durationArgument } from '../arguments.ts';
import { allocateDevices } from '../devices/allocator.ts';
import { hasBindingConditions, isOverdue, readiness } from '../devices/binding-conditions.ts';
import { bindClaim, deallocateClaim, deleteClaim, unreserveClaim } from '../devices/claim-binding.ts';
import { NodeAllocationError } from '../devices/device-request.ts';
import {
  extendedClaimAnnotation,
  extendedClaimOf,
  extendedRequests,
  isServedByDevices,
  resourcesWithClass,
} from '../devices/extended-resources.ts';
import { canBeReserved, claimsOfPod, isReservedFor } from '../devices/pod-claims.ts';
import { type CycleState, defineSchedulerPlugin, skip, unresolvable, type Verdict } from '../framework.ts';
import type { NodeInfo } from '../node-info.ts';
import { nodeSelectorMatches } from '../node-selector.ts';
import { normalizeScores } from '../scores.ts';

const name = 'DynamicResources';
const pollMs = 5000;
const defaultFilterTimeoutMs = 10_000;
const defaultBindingTimeoutMs = 600_000;
/** Alternatives that a request may have (FirstAvailableDeviceRequestMaxSize). */
const maxAlternatives = 8;

type Claim = Shared<ResourceClaim>;

/** A claim as a node would serve it. */
interface Planned {
  readonly claim: Claim;
  readonly allocation: AllocationResult;
  /** For the claim that stands for extended resources: what its requests are for. */
  readonly mappings?: readonly ContainerExtendedResourceRequest[];
}

interface State {
  /** Those that the pod names. */
  claims: readonly Claim[];
  /** Extended resources that classes serve. */
  readonly resources: readonly string[];
  /** A claim for extended resources that an earlier try has left. */
  readonly stale: Claim | undefined;
  readonly plans: Map<string, readonly Planned[]>;
  /** Allocated claims that cannot be used on some node. */
  readonly unavailable: Set<Claim>;
  /** Claims that were written for the pod. */
  readonly bound: Claim[];
  isBound: boolean;
}

const stateOf = (cycle: CycleState) => cycle.get(name) as State | undefined;

/** Gives pods the devices that they claim (dynamic resource allocation, KEP-4381). */
export const dynamicResources = defineSchedulerPlugin({
  name,
  order: 130,
  weight: 1,
  enabledByDefault: true,
  events: [
    { kind: 'Node', actions: ['add', 'update'] },
    { kind: 'ResourceClaim', actions: ['add', 'update', 'delete'] },
    { kind: 'Pod', actions: ['update'] },
    { kind: 'DeviceClass', actions: ['add', 'update'] },
    { kind: 'ResourceSlice', actions: ['add', 'update'] },
  ],
  create({ devices, client, clock, random, log, events, args }) {
    const { claims: tracker } = devices;
    const filterTimeoutMs = durationArgument(args['filterTimeout']) ?? defaultFilterTimeoutMs;
    const bindingTimeoutMs = durationArgument(args['bindingTimeout']) ?? defaultBindingTimeoutMs;

    /** The first reason why a pod's claims cannot be served anywhere now. */
    function obstacle(pod: Shared<Pod>, claims: readonly Claim[]): string | undefined {
      for (const claim of claims) {
        if (claim.status.allocation) {
          if (!isReservedFor(claim, pod) && !canBeReserved(claim)) return 'resourceclaim in use';
          continue;
        }
        const { namespace, name: claimName, uid } = claim.metadata;
        if (tracker.isPending(uid))
          return `resource claim ${namespace}/${claimName} is in the process of being allocated`;
        for (const request of claim.spec.devices.requests ?? []) {
          const classes = request.exactly
            ? [{ of: request.name, className: request.exactly.deviceClassName }]
            : (request.firstAvailable ?? []).map((one) => ({
                of: `${request.name}/${one.name}`,
                className: one.deviceClassName,
              }));
          for (const { of, className } of classes)
            if (!devices.classOf(className)) return `request ${of}: device class ${className} does not exist`;
        }
      }
      return undefined;
    }

    /** The claim that would stand for the extended resources that a node lacks. */
    function extendedClaim(pod: Shared<Pod>, { resources }: State, node: NodeInfo) {
      const served = resources.filter((resource) => isServedByDevices(resource, node, devices));
      if (served.length === 0) return undefined;
      const { requests, mappings } = extendedRequests(pod, served, devices);
      const { namespace, name: podName, uid } = pod.metadata;
      const claim = {
        apiVersion: 'resource.k8s.io/v1',
        kind: 'ResourceClaim',
        metadata: {
          namespace,
          name: '<extended-resources>',
          generateName: `${podName}-extended-resources-`.slice(0, 248),
          uid: `extended-resources/${uid}`,
          annotations: { [extendedClaimAnnotation]: 'true' },
          ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: podName, uid, controller: true }],
        },
        spec: { devices: { requests } },
        status: {},
      } as unknown as Claim;
      return { claim, mappings };
    }

    function plan(pod: Shared<Pod>, state: State, node: NodeInfo): readonly Planned[] | Verdict {
      const extended = extendedClaim(pod, state, node);
      const open = state.claims.filter(({ status }) => !status.allocation);
      const wanted = extended ? [...open, extended.claim] : open;
      if (wanted.length === 0) return [];
      const latest = clock.monotonic() + filterTimeoutMs;
      let allocations: AllocationResult[] | undefined;
      try {
        allocations = allocateDevices({
          node: node.node,
          claims: wanted,
          pools: devices.slices.poolsOf(node.node),
          allocated: tracker.allocated,
          classOf: devices.classOf,
          isLate: () => filterTimeoutMs > 0 && clock.monotonic() > latest,
          newShareId: () => random.uuid(),
        });
      } catch (error) {
        if (error instanceof NodeAllocationError) return unresolvable(name, error.message);
        throw new Error(`running "${name}" filter plugin: ${(error as Error).message}`);
      }
      if (!allocations) return cannotAllocate;
      return allocations.map((allocation, i) => ({
        claim: wanted[i]!,
        allocation,
        ...(wanted[i] === extended?.claim ? { mappings: extended!.mappings } : {}),
      }));
    }

    async function bindPlanned(pod: Shared<Pod>, { claim, allocation, mappings }: Planned): Promise<Claim> {
      let current = claim;
      if (mappings) {
        const { name: _, uid: __, ...metadata } = claim.metadata;
        current = await client.create(ResourceClaim, { metadata, spec: claim.spec } as never);
      }
      try {
        current = await bindClaim(client, current, { pod, allocation, clock });
      } catch (error) {
        if (mappings) await deleteClaim(client, current);
        throw error;
      }
      tracker.written(claim.metadata.uid, current);
      if (mappings) {
        const status = {
          extendedResourceClaimStatus: { resourceClaimName: current.metadata.name, requestMappings: mappings },
        };
        await client.patch(Pod, pod.metadata, { status }, { type: 'merge', subresource: 'status' });
      }
      return current;
    }

    return {
      preEnqueue(pod) {
        if (!pod.spec.resourceClaims?.length) return undefined;
        const claims = claimsOfPod(pod, tracker);
        return typeof claims === 'string' ? unresolvable(name, claims) : undefined;
      },
      concerns: (event) => event.kind !== 'Node' || event.action === 'add' || differs(event.object, event.old),
      helps(event, pod) {
        if (event.kind === 'Pod')
          return event.object.metadata.uid === pod.metadata.uid && typeof claimsOfPod(pod, tracker) !== 'string';
        if (event.kind !== 'ResourceClaim') return true;
        const claim = event.object as Claim;
        const old = event.old as Claim | undefined;
        if (event.action === 'delete') return claim.status.allocation !== undefined;
        const own = claimsOfPod(pod, tracker);
        if (typeof own === 'string') return false;
        if (old?.status.allocation && !claim.status.allocation) return true;
        if (!own.some(({ metadata }) => metadata.uid === claim.metadata.uid)) return false;
        return !old || !deepEqual(old.status, claim.status);
      },
      preFilter(cycle, pod) {
        const claims = claimsOfPod(pod, tracker);
        if (typeof claims === 'string') return unresolvable(name, claims);
        const resources = resourcesWithClass(pod, devices);
        if (claims.length + resources.length === 0) return skip(name);
        const state: State = {
          claims,
          resources,
          stale: resources.length ? extendedClaimOf(pod, devices) : undefined,
          plans: new Map(),
          unavailable: new Set(),
          bound: [],
          isBound: false,
        };
        cycle.set(name, state);
        const why = obstacle(pod, claims);
        return why === undefined ? undefined : unresolvable(name, why);
      },
      filter(cycle, pod, node) {
        const state = stateOf(cycle)!;
        if (state.stale) return staleClaim;
        const planned = plan(pod, state, node);
        if ('code' in planned) return planned;
        let available = true;
        for (const claim of state.claims) {
          const { allocation } = claim.status;
          if (!allocation) continue;
          const reachable = !allocation.nodeSelector || nodeSelectorMatches(allocation.nodeSelector, node.node);
          const ready = readiness(claim);
          const hopeless =
            typeof ready === 'object' || (ready === 'waiting' && isOverdue(claim, clock.now(), bindingTimeoutMs));
          if (reachable && !hopeless) continue;
          state.unavailable.add(claim);
          available = false;
        }
        if (!available) return notAvailable;
        state.plans.set(node.name, planned);
        return undefined;
      },
      async postFilter(cycle, pod) {
        const state = stateOf(cycle);
        if (!state) return { message: 'no new claims to deallocate' };
        const idle = [...state.unavailable].filter(({ status }) =>
          (status.reservedFor ?? []).every(({ uid }) => uid === pod.metadata.uid),
        );
        if (idle.length > 0) {
          await deallocateClaim(client, idle[random.below(idle.length)]!);
          return { message: 'deallocation of ResourceClaim completed' };
        }
        if (state.stale) {
          await deleteClaim(client, state.stale);
          return { message: 'deletion of ResourceClaim completed' };
        }
        return { message: 'still not schedulable' };
      },
      preScore: (cycle) => {
        const alternatives = stateOf(cycle)?.claims.some(({ spec }) =>
          spec.devices.requests?.some((request) => request.firstAvailable?.length),
        );
        return alternatives ? undefined : skip(name);
      },
      score(cycle, _pod, node) {
        let score = 0;
        for (const { claim, allocation } of stateOf(cycle)!.plans.get(node.name) ?? []) {
          const served = new Set(allocation.devices.results?.map(({ request }) => request));
          for (const request of claim.spec.devices.requests ?? []) {
            const chosen = (request.firstAvailable ?? []).findIndex((one) => served.has(`${request.name}/${one.name}`));
            if (chosen >= 0) score += maxAlternatives - chosen;
          }
        }
        return score;
      },
      normalize: (_cycle, _pod, nodes, scores) => normalizeScores(scores, nodes.length, { reverse: false }),
      reserve(cycle, _pod, nodeName) {
        for (const { claim, allocation } of stateOf(cycle)?.plans.get(nodeName) ?? [])
          tracker.decide(claim, allocation);
        return undefined;
      },
      async unreserve(cycle, pod, nodeName) {
        const state = stateOf(cycle);
        for (const { claim } of state?.plans.get(nodeName) ?? []) tracker.release(claim.metadata.uid);
        for (const claim of state?.bound ?? []) {
          const made = claim.metadata.annotations?.[extendedClaimAnnotation] === 'true';
          await (made ? deleteClaim(client, claim) : unreserveClaim(client, claim, pod));
        }
      },
      async preBind(cycle, pod, nodeName) {
        const state = stateOf(cycle);
        if (!state) return undefined;
        if (!state.isBound) {
          for (const planned of state.plans.get(nodeName) ?? []) state.bound.push(await bindPlanned(pod, planned));
          for (const claim of state.claims) {
            if (!claim.status.allocation || isReservedFor(claim, pod)) continue;
            const bound = await bindClaim(client, claim, { pod, allocation: undefined, clock });
            tracker.written(claim.metadata.uid, bound);
            state.bound.push(bound);
          }
          state.isBound = true;
          if (state.bound.some(hasBindingConditions)) {
            log.debug('waiting for devices to be made ready', { pod: pod.metadata.name, node: nodeName });
            const note = `waiting for binding conditions for device on node ${nodeName}`;
            events.event(pod, 'Normal', 'BindingConditionsPending', note);
          }
        }
        for (const { metadata } of [...state.bound, ...state.claims]) {
          const claim = tracker.get(metadata.namespace, metadata.name);
          if (!claim) throw new Error(`claim ${metadata.name} got deleted in the meantime`);
          const ready = readiness(claim);
          if (typeof ready === 'object') throw new Error(ready.failure);
          if (ready === 'ready') continue;
          if (isOverdue(claim, clock.now(), bindingTimeoutMs)) throw new Error('device binding timeout');
          return { code: 'Wait', plugin: name, reasons: ['waiting for devices to be made ready'], timeoutMs: pollMs };
        }
        return undefined;
      },
    };
  },
});

const cannotAllocate = unresolvable(name, 'cannot allocate all claims');
const notAvailable = unresolvable(name, 'resourceclaim not available on the node');
const staleClaim = unresolvable(name, 'cannot schedule extended resource claim');

/** Whether a node's labels or its own resources have changed: selectors of slices read the former. */
function differs(node: Shared<KubeObject>, old: Shared<KubeObject> | undefined): boolean {
  const allocatable = (one: Shared<KubeObject> | undefined) =>
    (one as { status?: { allocatable?: unknown } } | undefined)?.status?.allocatable;
  return !deepEqual(node.metadata.labels, old?.metadata.labels) || !deepEqual(allocatable(node), allocatable(old));
}
