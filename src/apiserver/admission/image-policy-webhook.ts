import { createHash } from 'node:crypto';
import type { Pod } from '../../api/core/pod.ts';
import { type JsonPostTarget, postJson } from '../../base/json-post.ts';
import { ExpiringCache } from '../authn/expiring-cache.ts';
import { type AdmissionRequest, defineAdmissionPlugin } from './admission.ts';
import { isCore, refusal } from './refusal.ts';

/** The configuration's `imagePolicy`; `target` is what its kubeConfigFile names. */
interface Settings {
  readonly target?: JsonPostTarget;
  /** Seconds, -1 for none, 0 for the default. */
  readonly allowTTL?: number;
  readonly denyTTL?: number;
  readonly defaultAllow?: boolean;
}

interface ReviewStatus {
  readonly allowed?: boolean;
  readonly reason?: string;
  readonly auditAnnotations?: Readonly<Record<string, string>>;
}

const timeoutMs = 30_000;
const maxTtlSeconds = 30 * 60;
const prefix = 'imagepolicywebhook.image-policy.k8s.io/';

function ttlMs(name: string, seconds: number | undefined, defaultSeconds: number): number {
  if (seconds === -1) return 0;
  if (!seconds) return defaultSeconds * 1000;
  if (seconds < 1 || seconds > maxTtlSeconds) {
    throw new Error(`ImagePolicyWebhook: ${name} must be 1 to ${maxTtlSeconds} seconds, or -1, not ${seconds}`);
  }
  return seconds * 1000;
}

function reviewOf({ object, namespace, subresource }: AdmissionRequest): object {
  const { spec, metadata } = object as Pod;
  const containers = subresource
    ? (spec.ephemeralContainers ?? [])
    : [...spec.containers, ...(spec.initContainers ?? [])];
  const annotations = Object.entries(metadata.annotations ?? {}).filter(([key]) =>
    key.includes('.image-policy.k8s.io/'),
  );
  return {
    containers: containers.map(({ image }) => ({ image })),
    annotations: Object.fromEntries(annotations),
    namespace,
  };
}

/** Asks a server whether the images of a pod may run (imagepolicy.k8s.io/v1alpha1 ImageReview). On request. */
export const imagePolicyWebhook = defineAdmissionPlugin({
  name: 'ImagePolicyWebhook',
  order: 110,
  enabledByDefault: false,
  handles: (request) =>
    (request.operation === 'CREATE' || request.operation === 'UPDATE') &&
    (isCore(request, 'pods') || isCore(request, 'pods', 'ephemeralcontainers')),
  create({ configuration, clock, log }) {
    const { imagePolicy: settings = {} } = (configuration ?? {}) as { imagePolicy?: Settings };
    const { target } = settings;
    if (!target) throw new Error('ImagePolicyWebhook needs a configuration with imagePolicy.kubeConfigFile');
    const allowMs = ttlMs('allowTTL', settings.allowTTL, 300);
    const denyMs = ttlMs('denyTTL', settings.denyTTL, 30);
    const answers = new ExpiringCache<ReviewStatus>(clock, {
      ttlMs: ({ allowed }) => (allowed ? allowMs : denyMs),
      max: 1024,
    });

    async function ask(spec: object): Promise<ReviewStatus> {
      const review = { apiVersion: 'imagepolicy.k8s.io/v1alpha1', kind: 'ImageReview', spec };
      const { status, body } = await postJson(target!, review, { timeoutMs, clock });
      if (status < 200 || status > 299) throw new Error(`Error contacting webhook: ${status}`);
      const answer = (body as { status?: ReviewStatus } | undefined)?.status;
      if (!answer) throw new Error('the image policy webhook did not answer with an ImageReview');
      return answer;
    }
    return {
      async validate(request) {
        const spec = reviewOf(request);
        const key = createHash('sha256').update(JSON.stringify(spec)).digest('base64');
        let answer: ReviewStatus;
        try {
          answer = await answers.get(key, () => ask(spec));
        } catch (error) {
          log.warn('the image policy webhook could not be asked', { error });
          if (!settings.defaultAllow) throw refusal(request, (error as Error).message);
          request.annotate(`${prefix}failed-open`, 'true');
          return;
        }
        for (const [name, value] of Object.entries(answer.auditAnnotations ?? {}))
          request.annotate(prefix + name, value);
        if (answer.allowed) return;
        throw refusal(
          request,
          answer.reason
            ? `image policy webhook backend denied one or more images: ${answer.reason}`
            : 'one or more images rejected by webhook backend',
        );
      },
    };
  },
});
