/** Answers of paths that are not resources, the same for HTTP and for callers in the process. */

import type { UserInfo } from '../user.ts';
import type { RequestInfo } from './request-info.ts';

export interface PathRequest {
  readonly info: RequestInfo;
  readonly user: UserInfo;
  header(name: string): string | undefined;
}

export interface PathAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: Uint8Array | string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** undefined: not one of mine. */
export type PathHandler = (request: PathRequest) => PathAnswer | undefined | Promise<PathAnswer | undefined>;

export const jsonAnswer = (value: unknown): PathAnswer => ({
  status: 200,
  contentType: 'application/json',
  body: `${JSON.stringify(value, null, 2)}\n`,
});

export const textAnswer = (status: number, body: string): PathAnswer => ({
  status,
  contentType: 'text/plain; charset=utf-8',
  body,
});
