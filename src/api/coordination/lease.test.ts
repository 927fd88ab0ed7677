import { expect, it } from 'vitest';
import { admitted } from '../admitted.ts';
import type { Shared } from '../kind.ts';
import { Lease } from './lease.ts';

it('a lease has no election strategy, unless it has one already', () => {
  const spec = { holderIdentity: 'a', strategy: 'OldestEmulationVersion', preferredHolder: 'b' };
  expect(admitted(Lease, { spec }).spec).toEqual({ holderIdentity: 'a' });
  const old = Object.assign(admitted(Lease, {}), { spec });
  const updated = structuredClone(old);
  Lease.prepareUpdate!(updated, old as Shared<Lease>, { now: 0 });
  expect(updated.spec).toEqual(spec);
});
