/** Claims that a token only points at (OpenID Connect Core, 5.6.2): groups too long for the token itself. */
import type { JWTPayload } from 'jose';
import { TokenError } from './bearer-token.ts';
import { claimedIssuer, getFromIssuer, IssuerKeys, type IssuerOptions } from './issuer-keys.ts';

interface Source {
  readonly endpoint?: string;
  readonly access_token?: string;
}

/** How many issuers' keys are kept: the issuer of the token decides which there are. */
const maxIssuers = 32;

/**
 * Gives the claims with one of them fetched from where the token says it is. What comes from there must be a token for
 * one of the audiences, of an issuer whose keys are found as any issuer's are. Throws TokenError when the claim is
 * pointed at and cannot be had.
 */
export function createClaimResolver(
  claim: string,
  { audiences, ...options }: Pick<IssuerOptions, 'certificateAuthority' | 'clock'> & { audiences: readonly string[] },
): (claims: JWTPayload) => Promise<JWTPayload> {
  const issuers = new Map<string, IssuerKeys>();

  function keysOf(url: string): IssuerKeys {
    const known = issuers.get(url) ?? new IssuerKeys({ ...options, url });
    issuers.delete(url);
    issuers.set(url, known);
    if (issuers.size > maxIssuers) issuers.delete(issuers.keys().next().value!);
    return known;
  }

  async function fetchClaim({ endpoint = '', access_token: token }: Source): Promise<unknown> {
    const jwt = (await getFromIssuer(options, endpoint, token)).text.trim();
    const issuer = await claimedIssuer(jwt);
    if (!issuer) throw new Error(`${endpoint} did not answer with a token`);
    const found = await keysOf(issuer).verify(jwt, audiences);
    if (found[claim] === undefined) throw new Error(`the token of ${endpoint} has no claim ${claim}`);
    return found[claim];
  }

  return async (claims) => {
    const names = claims['_claim_names'] as Readonly<Record<string, string>> | undefined;
    if (claims[claim] !== undefined || names === undefined) return claims;
    const sources = claims['_claim_sources'] as Readonly<Record<string, Source>> | undefined;
    if (typeof names !== 'object' || names === null || typeof sources !== 'object' || sources === null) {
      throw new TokenError('the token points at claims without saying where they are');
    }
    if (!Object.hasOwn(names, claim)) return claims;
    const name = String(names[claim]);
    const source = Object.hasOwn(sources, name) ? sources[name] : undefined;
    if (!source) throw new TokenError(`the token names no source ${name} for the claim ${claim}`);
    // Without an endpoint it is an aggregated claim, which upstream leaves out as well.
    if (!source.endpoint) return claims;
    try {
      return { ...claims, [claim]: await fetchClaim(source) };
    } catch (error) {
      throw new TokenError(`the distributed claim ${claim}: ${(error as Error).message}`);
    }
  };
}
