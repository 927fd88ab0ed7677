import type * as authentication from '../types/authentication-v1.ts';

/** Asks for a token of a service account: the body of serviceaccounts/token. */
export type TokenRequest = authentication.TokenRequest;

/** Seconds that a token is valid for when the request does not say. */
export const defaultTokenExpirationSeconds = 3600;
