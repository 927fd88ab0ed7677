/** Removing images that no container uses, when the disk fills up: upstream's thresholds and order. */
import type { Timer } from '../../base/clock.ts';
import { pauseImageName } from '../../cri/pause-image.ts';
import type { Received } from '../../cri/types.ts';
import type { KubeletContext } from '../context.ts';
import { fileSystem } from '../node/machine-facts.ts';

interface ImageRecord {
  readonly firstSeen: number;
  lastUsed: number;
}

const intervalMs = 300_000;

export class ImageGc {
  readonly #context: KubeletContext;
  readonly #records = new Map<string, ImageRecord>();
  #timer: Timer | undefined;

  constructor(context: KubeletContext) {
    this.#context = context;
  }

  start(): void {
    this.#timer = this.#context.clock.every(intervalMs, () => void this.#run());
  }

  close(): void {
    this.#timer?.cancel();
  }

  async #run(): Promise<void> {
    const { log, events, nodeName } = this.#context;
    try {
      await this.collect();
    } catch (error) {
      log.warn('unused images could not be removed', { error });
      const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: nodeName, uid: nodeName } };
      events.event(node, 'Warning', 'ImageGCFailed', (error as Error).message);
    }
  }

  /** Frees space when the disk is fuller than the high threshold, until it is at the low one. Returns the bytes freed. */
  async collect(disk?: { total: number; available: number }): Promise<number> {
    const { settings, rootDir } = this.#context;
    const images = await this.#look();
    const { total, available } = disk ?? (await fileSystem(rootDir));
    const usedPercent = 100 - (available / total) * 100;
    if (usedPercent < settings.imageGcHighThresholdPercent) return 0;
    const wanted = (total * (100 - settings.imageGcLowThresholdPercent)) / 100 - available;
    return this.#free(images, wanted);
  }

  /** Removes all images that nothing uses, whatever their age: when pods are about to be evicted. */
  async collectAll(): Promise<number> {
    return this.#free(await this.#look(), Number.POSITIVE_INFINITY, 0);
  }

  /** Notes which images are there and which are in use. */
  async #look(): Promise<Received<'Image'>[]> {
    const { runtime, clock } = this.#context;
    const now = clock.now();
    const [{ images }, { containers }] = await Promise.all([
      runtime.images.listImages({}),
      runtime.runtime.listContainers({}),
    ]);
    const used = new Set(containers.flatMap((container) => [container.image_ref, container.image?.image ?? '']));
    for (const image of images) {
      const record = this.#records.get(image.id) ?? { firstSeen: now, lastUsed: 0 };
      if ([image.id, ...image.repo_tags, ...image.repo_digests].some((name) => used.has(name))) record.lastUsed = now;
      this.#records.set(image.id, record);
    }
    for (const id of this.#records.keys()) if (!images.some((image) => image.id === id)) this.#records.delete(id);
    return images;
  }

  async #free(images: readonly Received<'Image'>[], wanted: number, minimumAgeMs?: number): Promise<number> {
    const { runtime, clock, settings } = this.#context;
    const now = clock.now();
    const unused = images
      .map((image) => ({ image, record: this.#records.get(image.id)! }))
      .filter(({ image, record }) => record.lastUsed < now && !isKept(image))
      .sort((a, b) => a.record.lastUsed - b.record.lastUsed || a.record.firstSeen - b.record.firstSeen);
    let freed = 0;
    for (const { image, record } of unused) {
      if (freed >= wanted) break;
      if (now - record.firstSeen < (minimumAgeMs ?? settings.imageMinimumGcAgeMs)) continue;
      await runtime.images.removeImage({ image: { image: image.id } });
      this.#records.delete(image.id);
      freed += image.size;
    }
    return freed;
  }
}

/** The sandboxes' image is not among the containers' and must stay. */
const isKept = (image: Received<'Image'>) =>
  image.pinned || image.repo_tags.some((tag) => tag.includes(pauseImageName));
