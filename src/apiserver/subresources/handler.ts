import type { ApiContext } from '../context.ts';
import type { Answer, Call } from '../verbs/call.ts';

/** Answers calls of a subresource, or of a kind that is answered and not stored. */
export type CallHandler = (api: ApiContext, call: Call) => Answer | Promise<Answer>;
