/** Tokens of pods' service accounts: asked for with the pod as their bound object, kept, and renewed in time. */
import { ServiceAccount } from '../api/core/service-account.ts';
import type { Shared } from '../api/kind.ts';
import type { TokenRequest } from '../api/types/authentication-v1.ts';
import type { Pod } from '../api/types/core-v1.ts';
import { type Clock, parseTime } from '../base/clock.ts';
import type { Client } from '../client/client.ts';
import type { TokenWish } from './volumes/volume.ts';

interface Kept {
  readonly token: string;
  readonly issuedAt: number;
  readonly expiresAt: number;
}

const maxAgeMs = 24 * 3600 * 1000;

export class ServiceAccountTokens {
  readonly #kept = new Map<string, Kept>();
  readonly #client: Client;
  readonly #clock: Clock;

  constructor({ client, clock }: { client: Client; clock: Clock }) {
    this.#client = client;
    this.#clock = clock;
  }

  /** A token that is good for some time yet: the kept one, or a new one when four fifths of its life (or a day) are over. */
  async get(pod: Shared<Pod>, wish: TokenWish): Promise<string> {
    const { uid, namespace, name } = pod.metadata;
    const account = pod.spec.serviceAccountName || 'default';
    const key = [uid, account, wish.audience, wish.expirationSeconds].join('\u0000');
    const kept = this.#kept.get(key);
    const now = this.#clock.now();
    if (kept && now < kept.issuedAt + Math.min(maxAgeMs, (kept.expiresAt - kept.issuedAt) * 0.8)) return kept.token;
    try {
      const answer = await this.#client.subresource<TokenRequest>(
        'create',
        ServiceAccount,
        { namespace: namespace!, name: account, subresource: 'token' },
        {
          apiVersion: 'authentication.k8s.io/v1',
          kind: 'TokenRequest',
          metadata: {},
          spec: {
            audiences: wish.audience ? [wish.audience] : [],
            expirationSeconds: wish.expirationSeconds,
            boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: name!, uid: uid! },
          },
          status: { token: '', expirationTimestamp: null },
        },
      );
      const { token, expirationTimestamp } = answer.status;
      this.#kept.set(key, { token, issuedAt: now, expiresAt: parseTime(expirationTimestamp ?? '') });
      return token;
    } catch (error) {
      // An old token is better than none while the API is away.
      if (kept && now < kept.expiresAt) return kept.token;
      throw error;
    }
  }

  release(podUid: string): void {
    for (const key of this.#kept.keys()) if (key.startsWith(`${podUid}\u0000`)) this.#kept.delete(key);
  }
}
