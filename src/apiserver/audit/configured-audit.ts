/** Audit as the command line asks for it: a policy, a file, a server. */
import type { Clock } from '../../base/clock.ts';
import type { JsonPostTarget } from '../../base/json-post.ts';
import type { Logger } from '../../base/log.ts';
import type { Random } from '../../base/random.ts';
import { createAudit } from './audit.ts';
import { createAuditLog } from './log-file.ts';
import { defaultAuditPolicy, readAuditPolicy } from './policy.ts';
import { createAuditWebhook } from './webhook.ts';

/** The hook for a server, recording to a file, to a server or to both; without a policy what the default one records. */
export function configuredAudit(options: {
  /** A parsed policy file. */
  readonly policy?: unknown;
  readonly path: string | undefined;
  readonly webhook: JsonPostTarget | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}): ReturnType<typeof createAudit> {
  const { path, webhook, clock, random, log } = options;
  return createAudit({
    policy: options.policy === undefined ? defaultAuditPolicy : readAuditPolicy(options.policy),
    backends: [
      ...(path ? [createAuditLog({ path, clock, log })] : []),
      ...(webhook ? [createAuditWebhook({ target: webhook, clock, random, log })] : []),
    ],
    clock,
    random,
  });
}
