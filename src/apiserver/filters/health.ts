/** /healthz, /livez and /readyz, whole, check by check, and verbose. */
import type { Logger } from '../../base/log.ts';
import type { MetricsRegistry } from '../../base/metrics.ts';
import { type PathAnswer, type PathHandler, textAnswer } from './path-answer.ts';

/** A check says why, or throws, when something is not well. */
export interface HealthCheck {
  readonly name: string;
  check(): string | undefined | Promise<string | undefined>;
}

export type HealthEndpoint = 'healthz' | 'livez' | 'readyz';

export interface HealthReport {
  readonly ok: boolean;
  /** One line a check, for everybody who may ask: without the reasons. */
  readonly text: string;
  /** The reasons of the checks that failed. */
  readonly failures: readonly { readonly name: string; readonly why: string }[];
}

export interface HealthOptions {
  readonly excluded?: Iterable<string>;
  /** Called with the outcome of each check. */
  observe?(name: string, ok: boolean): void;
}

export async function runChecks(
  endpoint: string,
  checks: readonly HealthCheck[],
  { excluded, observe }: HealthOptions = {},
): Promise<HealthReport> {
  const unmatched = new Set(excluded);
  const lines: string[] = [];
  const failures: { name: string; why: string }[] = [];
  for (const check of checks) {
    const { name } = check;
    if (unmatched.delete(name)) {
      lines.push(`[+]${name} excluded: ok`);
      continue;
    }
    const why = await reasonOf(check);
    observe?.(name, why === undefined);
    if (why !== undefined) failures.push({ name, why });
    lines.push(why === undefined ? `[+]${name} ok` : `[-]${name} failed: reason withheld`);
  }
  if (unmatched.size > 0) {
    const names = [...unmatched].sort().map((name) => JSON.stringify(name));
    lines.push(`warn: some health checks cannot be excluded: no matches for ${names.join(',')}`);
  }
  const ok = failures.length === 0;
  lines.push(`${endpoint} check ${ok ? 'passed' : 'failed'}`);
  return { ok, text: `${lines.join('\n')}\n`, failures };
}

async function reasonOf({ check }: HealthCheck): Promise<string | undefined> {
  try {
    return await check();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Answers the health paths; a check that does not exist is not found. */
export function createHealthHandler(
  endpoints: Readonly<Record<HealthEndpoint, readonly HealthCheck[]>>,
  { log, metrics }: { log: Logger; metrics: MetricsRegistry },
): PathHandler {
  const results = metrics.gauge('kubernetes_healthcheck', 'The result of a health check: 1 when it passed.');
  const total = metrics.counter('kubernetes_healthchecks_total', 'Results of health checks.');

  const answer = async (endpoint: HealthEndpoint, single: string, query: string): Promise<PathAnswer | undefined> => {
    const checks = endpoints[endpoint];
    if (single !== '') {
      const found = checks.find((check) => check.name === single);
      if (!found) return undefined;
      const why = await reasonOf(found);
      return why === undefined ? textAnswer(200, 'ok') : textAnswer(500, `internal server error: ${why}\n`);
    }
    const params = new URLSearchParams(query);
    const { ok, text, failures } = await runChecks(endpoint, checks, {
      excluded: params.getAll('exclude'),
      observe(name, passed) {
        results.set(passed ? 1 : 0, { name, type: endpoint });
        total.inc({ name, status: passed ? 'success' : 'error', type: endpoint });
      },
    });
    if (!ok) log.info('a health check failed', { endpoint, failures });
    return textAnswer(ok ? 200 : 500, ok && !params.has('verbose') ? 'ok' : text);
  };
  return ({ info }) => {
    const [, endpoint = '', ...rest] = info.path.split('/');
    if (!Object.hasOwn(endpoints, endpoint)) return undefined;
    return answer(endpoint as HealthEndpoint, rest.join('/'), info.query);
  };
}
