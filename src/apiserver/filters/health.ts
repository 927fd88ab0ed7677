/** /healthz, /livez and /readyz, whole, check by check, and verbose. */
import { type PathAnswer, type PathHandler, textAnswer } from './path-answer.ts';

/** A check says why, or throws, when something is not well. */
export interface HealthCheck {
  readonly name: string;
  check(): string | undefined | Promise<string | undefined>;
}

export type HealthEndpoint = 'healthz' | 'livez' | 'readyz';

export interface HealthReport {
  readonly ok: boolean;
  /** One line a check. */
  readonly text: string;
}

export async function runChecks(
  endpoint: string,
  checks: readonly HealthCheck[],
  excluded: ReadonlySet<string> = new Set(),
): Promise<HealthReport> {
  const lines: string[] = [];
  let ok = true;
  for (const { name, check } of checks) {
    if (excluded.has(name)) {
      lines.push(`[+]${name} excluded: ok`);
      continue;
    }
    let why: string | undefined;
    try {
      why = await check();
    } catch (error) {
      why = error instanceof Error ? error.message : String(error);
    }
    if (why !== undefined) ok = false;
    lines.push(why === undefined ? `[+]${name} ok` : `[-]${name} failed: ${why}`);
  }
  lines.push(`${endpoint} check ${ok ? 'passed' : 'failed'}`);
  return { ok, text: `${lines.join('\n')}\n` };
}

/** Answers the health paths; a check that does not exist is not found. */
export function createHealthHandler(endpoints: Readonly<Record<HealthEndpoint, readonly HealthCheck[]>>): PathHandler {
  return ({ info }) => {
    const [, endpoint = '', ...rest] = info.path.split('/');
    if (!Object.hasOwn(endpoints, endpoint)) return undefined;
    return report(endpoint, endpoints[endpoint as HealthEndpoint], { single: rest.join('/'), query: info.query });
  };
}

async function report(
  endpoint: string,
  checks: readonly HealthCheck[],
  { single, query }: { single: string; query: string },
): Promise<PathAnswer | undefined> {
  const params = new URLSearchParams(query);
  if (single !== '') {
    const found = checks.find((check) => check.name === single);
    if (!found) return undefined;
    const { ok, text } = await runChecks(endpoint, [found]);
    return textAnswer(ok ? 200 : 500, ok ? 'ok' : `internal server error: ${text}`);
  }
  const { ok, text } = await runChecks(endpoint, checks, new Set(params.getAll('exclude')));
  return textAnswer(ok ? 200 : 500, ok && !params.has('verbose') ? 'ok' : text);
}
