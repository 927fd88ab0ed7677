/** The nft table of network policies, apart from the services' so that either can be rebuilt alone. */
import { clusterTable, type TableRef } from '../../nft/transaction.ts';

/** The table of a cluster's policies. Cluster names have no dot, so it meets no other cluster's table. */
export function policyTable(clusterName: string): TableRef {
  const { family, name } = clusterTable(clusterName);
  return { family, name: `${name}.policy` };
}
