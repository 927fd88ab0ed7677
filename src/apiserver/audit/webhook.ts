/** Audit events sent to a server in batches (--audit-webhook-config-file, mode batch). */
import { type BackoffPolicy, backoffDelay } from '../../base/backoff.ts';
import type { Clock, Timer } from '../../base/clock.ts';
import { type JsonPostTarget, postJson } from '../../base/json-post.ts';
import type { Logger } from '../../base/log.ts';
import type { Random } from '../../base/random.ts';
import type { AuditBackend, AuditEvent } from './audit.ts';

export interface AuditWebhookOptions {
  readonly target: JsonPostTarget;
  /** Events that may wait; further ones are dropped. Upstream's 10,000 by default. */
  readonly bufferSize?: number;
  /** Events sent at once; 400 by default. */
  readonly maxBatchSize?: number;
  /** The longest that an event waits for others, milliseconds; 30,000 by default. */
  readonly maxWaitMs?: number;
  readonly timeoutMs?: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

const retries: BackoffPolicy = { initialMs: 10_000, maxMs: 60_000, factor: 1.5, jitter: 0.2 };
const maxAttempts = 4;

/** Collects events and posts them as EventLists; a batch that the server does not take after several tries is dropped. */
export function createAuditWebhook(options: AuditWebhookOptions): AuditBackend {
  const { clock, log } = options;
  const maxBatch = options.maxBatchSize ?? 400;
  let waiting: AuditEvent[] = [];
  let timer: Timer | undefined;
  let sending: Promise<void> = Promise.resolve();
  let dropped = 0;
  let closing = false;

  async function send(items: readonly AuditEvent[]): Promise<void> {
    const list = { kind: 'EventList', apiVersion: 'audit.k8s.io/v1', metadata: {}, items };
    for (let attempt = 0; ; attempt++) {
      const failure = await postJson(options.target, list, { timeoutMs: options.timeoutMs ?? 30_000, clock }).then(
        ({ status }) => (status >= 200 && status < 300 ? undefined : new Error(`the audit webhook answered ${status}`)),
        (error: Error) => error,
      );
      if (!failure) return;
      if (attempt + 1 >= maxAttempts || closing) {
        log.error('audit events were not delivered', { events: items.length, error: failure });
        return;
      }
      await clock.sleep(backoffDelay(retries, attempt, options.random));
    }
  }

  function flush(): void {
    timer?.cancel();
    timer = undefined;
    while (waiting.length) {
      const batch = waiting.slice(0, maxBatch);
      waiting = waiting.slice(maxBatch);
      sending = sending.then(() => send(batch));
    }
  }

  return {
    write(event) {
      if (waiting.length >= (options.bufferSize ?? 10_000)) {
        if (dropped++ === 0) log.error('audit events are dropped because the webhook does not keep up');
        return;
      }
      waiting.push(event);
      if (waiting.length >= maxBatch) flush();
      else timer ??= clock.after(options.maxWaitMs ?? 30_000, flush);
    },
    async close() {
      closing = true;
      flush();
      await sending;
    },
  };
}
