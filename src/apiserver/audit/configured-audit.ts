/** Audit as the command line asks for it: a policy and a file. */
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { Random } from '../../base/random.ts';
import { createAudit } from './audit.ts';
import { createAuditLog } from './log-file.ts';
import { defaultAuditPolicy, readAuditPolicy } from './policy.ts';

/** The hook for a server, recording to a file; without a policy what the default one records. */
export function configuredAudit(options: {
  /** A parsed policy file. */
  readonly policy?: unknown;
  readonly path: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}): ReturnType<typeof createAudit> {
  const { path, clock, random, log } = options;
  return createAudit({
    policy: options.policy === undefined ? defaultAuditPolicy : readAuditPolicy(options.policy),
    backends: [createAuditLog({ path, clock, log })],
    clock,
    random,
  });
}
