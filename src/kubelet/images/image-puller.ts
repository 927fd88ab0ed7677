/** Getting the image of a container: present, pulled, or a reason why not, worded as upstream does. */
import type { Shared } from '../../api/kind.ts';
import type { Container, EphemeralContainer, Pod, Secret } from '../../api/types/core-v1.ts';
import { fullImageName, isLatestTag } from '../../cri/image-name.ts';
import type { Received, Sent } from '../../cri/types.ts';
import type { KubeletContext } from '../context.ts';
import { goDuration, imagePullPolicy, RestartBackoff } from '../pods/restart-backoff.ts';
import { credentialsFor } from './pull-secrets.ts';

/** An image that a container can be created from. */
export interface PresentImage {
  readonly ref: string;
  readonly uid?: number | undefined;
  readonly username?: string | undefined;
  readonly sizeBytes: number;
}

/** A reason that becomes the container's waiting reason. */
export class ImageError extends Error {
  override readonly name = 'ImageError';
  readonly reason: 'ErrImagePull' | 'ImagePullBackOff' | 'ErrImageNeverPull' | 'InvalidImageName' | 'ImageInspectError';
  /** When it makes sense to try again; undefined when only a change helps. */
  readonly retryAfterMs: number | undefined;
  constructor(reason: ImageError['reason'], message: string, retryAfterMs?: number) {
    super(message);
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
  }
}

interface PullRequest {
  readonly pod: Shared<Pod>;
  readonly container: Shared<Container | EphemeralContainer>;
  readonly secrets: readonly Shared<Secret>[];
  readonly sandboxConfig: Sent<'PodSandboxConfig'>;
}

export class ImagePuller {
  readonly #context: KubeletContext;
  readonly #backoff = new RestartBackoff(imagePullPolicy);
  readonly #lastErrors = new Map<string, string>();
  /** Pulls under way, so that pods that want the same image wait for the same pull. */
  readonly #pulls = new Map<string, Promise<string>>();

  constructor(context: KubeletContext) {
    this.#context = context;
  }

  /** Rejects with {@link ImageError}. */
  async ensure(request: PullRequest): Promise<PresentImage> {
    const { pod, container } = request;
    const { events } = this.#context;
    const image = container.image ?? '';
    const details = { fieldPath: containerFieldPath(pod, container.name) };
    const say = (type: 'Normal' | 'Warning', reason: string, message: string) =>
      events.event(pod as never, type, reason, message, details);
    const policy = container.imagePullPolicy ?? (isLatestTag(image) ? 'Always' : 'IfNotPresent');

    const name = fullImageName(image);
    if (!name) {
      const message = `Failed to apply default image tag "${image}": couldn't parse image name "${image}": invalid reference format`;
      say('Warning', 'InspectFailed', message);
      throw new ImageError('InvalidImageName', message);
    }
    const present = await this.#status(name);
    if (present && policy !== 'Always') {
      say('Normal', 'Pulled', `Container image "${image}" already present on machine`);
      return present;
    }
    if (policy === 'Never') {
      const message = `Container image "${image}" is not present with pull policy of Never`;
      say('Warning', 'ErrImageNeverPull', message);
      throw new ImageError('ErrImageNeverPull', message, 10_000);
    }
    return this.#pull(request, { image, name, say });
  }

  forget(podUid: string): void {
    this.#backoff.forget(`${podUid}_`);
  }

  async #pull(
    request: PullRequest,
    wish: { image: string; name: string; say(type: 'Normal' | 'Warning', reason: string, message: string): void },
  ): Promise<PresentImage> {
    const { clock } = this.#context;
    const { image, name, say } = wish;
    const key = `${request.pod.metadata.uid}_${image}`;
    const start = clock.now();
    const waitMs = this.#backoff.waitMs(key, this.#lastFailure.get(key) ?? 0, start);
    if (waitMs > 0) {
      const cause = this.#lastErrors.get(key);
      const message = `Back-off pulling image "${image}"`;
      say('Normal', 'BackOff', message);
      throw new ImageError('ImagePullBackOff', cause ? `${message}: ErrImagePull: ${cause}` : message, waitMs);
    }
    say('Normal', 'Pulling', `Pulling image "${image}"`);
    try {
      await this.#pullOnce(name, request);
      const pulled = await this.#status(name);
      if (!pulled) throw new Error(`the runtime does not list the image after its pull`);
      this.#backoff.reset(key);
      const took = goDuration(clock.now() - start);
      const size = `Image size: ${pulled.sizeBytes} bytes.`;
      say('Normal', 'Pulled', `Successfully pulled image "${image}" in ${took} (${took} including waiting). ${size}`);
      return pulled;
    } catch (error) {
      const message = (error as Error).message;
      const now = clock.now();
      this.#backoff.next(key, now, now);
      this.#lastFailure.set(key, now);
      this.#lastErrors.set(key, message);
      say('Warning', 'Failed', `Failed to pull image "${image}": ${message}`);
      say('Warning', 'Failed', 'Error: ErrImagePull');
      this.#context.log.info('an image could not be pulled', {
        image,
        backoff: goDuration(this.#backoff.delayMs(key)),
      });
      throw new ImageError('ErrImagePull', message, 1000);
    }
  }

  readonly #lastFailure = new Map<string, number>();

  async #pullOnce(name: string, request: PullRequest): Promise<string> {
    const credentials = credentialsFor(name, request.secrets);
    const key = `${name}\u0000${JSON.stringify(credentials)}`;
    const running = this.#pulls.get(key);
    if (running) return running;
    const pull = this.#tryCredentials(name, credentials, request).finally(() => this.#pulls.delete(key));
    this.#pulls.set(key, pull);
    return pull;
  }

  async #tryCredentials(
    name: string,
    credentials: readonly Sent<'AuthConfig'>[],
    request: PullRequest,
  ): Promise<string> {
    const { runtime } = this.#context;
    let failure: unknown;
    for (const auth of credentials.length > 0 ? credentials : [undefined]) {
      try {
        const answer = await runtime.images.pullImage(
          { image: { image: name }, ...(auth ? { auth } : {}), sandbox_config: request.sandboxConfig },
          { timeoutMs: 60 * 60 * 1000 },
        );
        return answer.image_ref;
      } catch (error) {
        failure ??= error;
      }
    }
    throw failure;
  }

  async #status(name: string): Promise<PresentImage | undefined> {
    const { image } = await this.#context.runtime.images.imageStatus({ image: { image: name } });
    return image && toPresent(image);
  }
}

function toPresent(image: Received<'Image'>): PresentImage {
  return { ref: image.id, uid: image.uid?.value, username: image.username || undefined, sizeBytes: image.size };
}

/** `spec.containers{web}`: the part of a pod that an event is about. */
export function containerFieldPath(pod: Shared<Pod>, name: string): string {
  const list = pod.spec.initContainers?.some((container) => container.name === name)
    ? 'initContainers'
    : pod.spec.ephemeralContainers?.some((container) => container.name === name)
      ? 'ephemeralContainers'
      : 'containers';
  return `spec.${list}{${name}}`;
}
