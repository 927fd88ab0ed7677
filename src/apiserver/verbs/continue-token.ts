/** Continue tokens: where a list in chunks goes on, and at which revision. */
import { badRequest, type Status, StatusError } from '../../api/machinery/status.ts';

export interface ContinuePosition {
  /** The revision of the first chunk; -1 goes on with what is there now. */
  readonly revision: number;
  /** The key to go on after, without the prefix of the list. */
  readonly after: string;
}

/** Encodes as upstream does: the start key is the last one with a NUL appended. */
export function encodeContinue({ revision, after }: ContinuePosition): string {
  const token = { v: 'meta.k8s.io/v1', rv: revision, start: `${after}\u0000` };
  return Buffer.from(JSON.stringify(token)).toString('base64url');
}

/** Throws 400 for a token that is not one. */
export function decodeContinue(token: string): ContinuePosition {
  let parsed: { v?: unknown; rv?: unknown; start?: unknown };
  try {
    parsed = JSON.parse(Buffer.from(token, 'base64url').toString('utf8')) as typeof parsed;
  } catch {
    throw badRequest('continue key is not valid: the token is not base64url of JSON');
  }
  if (parsed?.v !== 'meta.k8s.io/v1')
    throw badRequest(
      `continue key is not valid: server does not recognize this encoded version ${JSON.stringify(parsed?.v ?? '')}`,
    );
  if (typeof parsed.rv !== 'number' || !Number.isSafeInteger(parsed.rv) || parsed.rv === 0)
    throw badRequest('continue key is not valid: incorrect encoded start resourceVersion (version meta.k8s.io/v1)');
  if (typeof parsed.start !== 'string' || parsed.start === '')
    throw badRequest('continue key is not valid: encoded start key empty (version meta.k8s.io/v1)');
  if (parsed.start.includes('..') || parsed.start.startsWith('/'))
    throw badRequest(`continue key is not valid: invalid continue token ${JSON.stringify(parsed.start)}`);
  return { revision: parsed.rv, after: parsed.start.endsWith('\u0000') ? parsed.start.slice(0, -1) : parsed.start };
}

const expiredContinue =
  'The provided continue parameter is too old to display a consistent list result. You can start a new list without ' +
  'the continue parameter, or use the continue token in this response to retrieve the remainder of the results. ' +
  'Continuing with the provided token results in an inconsistent list - objects that were created, modified, or ' +
  'deleted between the time the first chunk was returned and now may show up in the list.';

/** 410 with a token that goes on, inconsistently, where the expired one would have. */
export class ExpiredContinueError extends StatusError {
  readonly #after: string;

  constructor(after: string) {
    super('Expired', expiredContinue);
    this.#after = after;
  }

  override toStatus(): Status {
    const metadata = { continue: encodeContinue({ revision: -1, after: this.#after }) };
    return { ...super.toStatus(), metadata: metadata as unknown as Status['metadata'] };
  }
}
