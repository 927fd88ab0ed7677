import { BlockList, isIPv6 } from 'node:net';
import type { Shared } from '../api/kind.ts';
import { isNotFound } from '../api/machinery/status.ts';
import { IPAddress } from '../api/networking/ip-address.ts';
import { ServiceCIDR } from '../api/networking/service-cidr.ts';
import { type ControllerContext, defineController, watches } from '../client/reconcile.ts';
import { findCondition, withCondition } from './conditions.ts';
import { allow, recordEvents } from './rbac-rules.ts';

const finalizer = 'networking.k8s.io/service-cidr-finalizer';

/** Says which service ranges are ready, and keeps one from going while addresses of it are in use and in no other range. */
export const serviceCidrsController = defineController<ServiceCIDR>({
  name: 'service-cidrs-controller',
  for: ServiceCIDR,
  watches: [
    watches<IPAddress>({
      kind: IPAddress,
      changed: () => false,
      keys: (address, context) =>
        context
          .lister(ServiceCIDR)
          .list()
          .filter((range) => range.metadata.deletionTimestamp && holds(range, address.metadata.name))
          .map((range) => range.metadata.name),
    }),
  ],
  rbac: [
    allow('get list watch patch update', 'networking.k8s.io', 'servicecidrs'),
    allow('patch update', 'networking.k8s.io', 'servicecidrs/finalizers servicecidrs/status'),
    allow('get list watch', 'networking.k8s.io', 'ipaddresses'),
    recordEvents,
  ],
  async reconcile(key, context) {
    const { lister } = context;
    const range = lister(ServiceCIDR).byKey(key);
    if (!range) return undefined;
    const finalizers = range.metadata.finalizers ?? [];
    try {
      if (!range.metadata.deletionTimestamp) {
        if (!finalizers.includes(finalizer)) {
          await setFinalizers(context, range, [...finalizers, finalizer]);
          return undefined;
        }
        const message = 'Kubernetes Service CIDR is ready';
        await setReady(context, range, { status: 'True', reason: '', message });
        return undefined;
      }
      if (!finalizers.includes(finalizer)) return undefined;
      const others = lister(ServiceCIDR)
        .list()
        .filter((other) => other !== range && !other.metadata.deletionTimestamp);
      const needed = lister(IPAddress)
        .list()
        .some(({ metadata: { name } }) => holds(range, name) && !others.some((other) => holds(other, name)));
      if (needed) {
        const message =
          'There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR';
        await setReady(context, range, { status: 'False', reason: 'Terminating', message });
        return undefined;
      }
      await setFinalizers(
        context,
        range,
        finalizers.filter((name) => name !== finalizer),
      );
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    return undefined;
  },
});

function holds(range: Shared<ServiceCIDR>, address: string): boolean {
  const family = isIPv6(address) ? 'ipv6' : 'ipv4';
  return (range.spec.cidrs ?? []).some((cidr) => {
    const [base = '', prefix = ''] = cidr.split('/');
    if (isIPv6(base) !== (family === 'ipv6')) return false;
    const list = new BlockList();
    list.addSubnet(base, Number(prefix), family);
    return list.check(address, family);
  });
}

async function setFinalizers({ client }: ControllerContext, range: Shared<ServiceCIDR>, finalizers: readonly string[]) {
  await client.update(ServiceCIDR, { ...range, metadata: { ...range.metadata, finalizers } });
}

async function setReady(
  { client, clock }: ControllerContext,
  range: Shared<ServiceCIDR>,
  words: { status: 'True' | 'False'; reason: string; message: string },
): Promise<void> {
  const before = range.status.conditions;
  const old = findCondition(before, 'Ready');
  if (old?.status === words.status && old.message === words.message) return;
  const conditions = withCondition(before, { type: 'Ready', lastTransitionTime: '', ...words }, clock.now());
  await client.updateStatus(ServiceCIDR, { ...range, status: { ...range.status, conditions } });
}
