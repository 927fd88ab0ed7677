/** The CIS Kubernetes Benchmark on a running cluster. It changes nothing: objects are only created in dry runs. */
import { adminClient } from '../../admin-client.ts';
import type { ClusterConfig } from '../../config.ts';
import { admissionChecks } from './admission-checks.ts';
import { apiServerChecks } from './api-server-checks.ts';
import { type CisCheck, type CisResult, cisStates } from './check.ts';
import { controlPlaneChecks } from './control-plane-checks.ts';
import { readFacts } from './facts.ts';
import { fileChecks } from './file-checks.ts';
import { nodeChecks } from './node-checks.ts';
import { policyChecks } from './policy-checks.ts';
import { rbacChecks } from './rbac-checks.ts';

/** The edition whose numbers are used. */
export const benchmarkVersion = 'CIS Kubernetes Benchmark v1.11';

export { cisStates };

/** Every check, by number. */
const checks: readonly CisCheck[] = [
  ...fileChecks,
  ...apiServerChecks,
  ...admissionChecks,
  ...controlPlaneChecks,
  ...nodeChecks,
  ...rbacChecks,
  ...policyChecks,
].sort((a, b) => a.id.localeCompare(b.id, 'en', { numeric: true }));

/** Runs all checks. Throws a UserError when the cluster does not run. */
export async function runBenchmark(config: ClusterConfig): Promise<CisResult[]> {
  const client = adminClient(config);
  try {
    const facts = await readFacts(config, client);
    return await Promise.all(
      checks.map(async ({ id, title, judge }) => {
        try {
          return { id, title, ...(await judge(facts)) };
        } catch (error) {
          return { id, title, state: 'MANUAL' as const, reason: `could not be read: ${(error as Error).message}` };
        }
      }),
    );
  } finally {
    await client.transport.close();
  }
}
