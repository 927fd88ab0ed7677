import { tooManyRequests } from '../../api/machinery/status.ts';
import type { Clock } from '../../base/clock.ts';
import { type AdmissionRequest, defineAdmissionPlugin } from './admission.ts';

/** eventratelimit.admission.k8s.io/v1alpha1 Configuration. */
interface Limit {
  readonly type: 'Server' | 'Namespace' | 'User' | 'SourceAndObject';
  readonly qps: number;
  readonly burst: number;
  readonly cacheSize?: number;
}

/** Tokens that come back at a rate, up to a burst. */
class Bucket {
  readonly #limit: Limit;
  readonly #clock: Clock;
  #tokens: number;
  #at: number;

  constructor(limit: Limit, clock: Clock) {
    this.#limit = limit;
    this.#clock = clock;
    this.#tokens = limit.burst;
    this.#at = clock.monotonic();
  }

  take(): boolean {
    const now = this.#clock.monotonic();
    this.#tokens = Math.min(this.#limit.burst, this.#tokens + ((now - this.#at) / 1000) * this.#limit.qps);
    this.#at = now;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}

interface EventLike {
  readonly source?: { readonly component?: string; readonly host?: string };
  readonly involvedObject?: Readonly<Record<string, string | undefined>>;
  readonly regarding?: Readonly<Record<string, string | undefined>>;
  readonly reportingController?: string;
}

function keyOf(limit: Limit, request: AdmissionRequest): string {
  switch (limit.type) {
    case 'Server':
      return '';
    case 'Namespace':
      return request.namespace;
    case 'User':
      return request.user.name;
    case 'SourceAndObject': {
      const event = request.object as unknown as EventLike;
      const about = event.involvedObject ?? event.regarding ?? {};
      return JSON.stringify([event.source, event.reportingController, about]);
    }
  }
}

/** Takes only so many events a second; on request, with limits from its configuration. */
export const eventRateLimit = defineAdmissionPlugin({
  name: 'EventRateLimit',
  order: 170,
  enabledByDefault: false,
  handles: ({ operation, resource, dryRun }) =>
    !dryRun && resource.plural === 'events' && (operation === 'CREATE' || operation === 'UPDATE'),
  create({ configuration, clock }) {
    const { limits = [] } = (configuration ?? {}) as { limits?: readonly Limit[] };
    if (limits.length === 0) throw new Error('EventRateLimit needs a configuration with limits');
    for (const limit of limits) {
      if (!(limit.qps > 0) || !(limit.burst > 0))
        throw new Error(`EventRateLimit: qps and burst of ${limit.type} must be positive`);
    }
    const buckets = limits.map(() => new Map<string, Bucket>());
    return {
      validate(request) {
        for (const [i, limit] of limits.entries()) {
          const key = keyOf(limit, request);
          const known = buckets[i]!;
          const bucket = known.get(key) ?? new Bucket(limit, clock);
          // The key used last is kept longest.
          known.delete(key);
          known.set(key, bucket);
          if (known.size > (limit.cacheSize ?? 4096)) known.delete(known.keys().next().value!);
          if (!bucket.take()) {
            throw tooManyRequests(`limit reached on type ${limit.type} for key ${key || 'server'}`, 1);
          }
        }
      },
    };
  },
});
