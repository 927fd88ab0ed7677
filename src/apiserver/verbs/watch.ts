/** WATCH: events from a revision on, filtered by selector, with bookmarks and initial events. */
import type { KubeObject, Shared } from '../../api/kind.ts';
import { expired, internalError, StatusError } from '../../api/machinery/status.ts';
import type { Timer } from '../../base/clock.ts';
import type { CacheEvent, CacheSubscription } from '../../store/cache-api.ts';
import type { ApiContext } from '../context.ts';
import { DerivedEntry, type Entry, keyPrefix } from '../registry/resource.ts';
import type { Call } from './call.ts';
import { checkWatchOptions, parseRevision } from './call-options.ts';
import { readConsistently, waitForRevision } from './freshness.ts';
import { parseSelection, type Selection } from './selection.ts';

/** One event for one watcher. `source` is shared by all its watchers, so what is made of it can be too. */
export interface WatchItem {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  readonly entry: Entry;
  readonly source: object | undefined;
}

export interface WatchSink {
  /** In order; must not throw. */
  onItems(items: readonly WatchItem[]): void;
  /** Once, unless the watch was stopped: undefined when its time was over. */
  onEnd(error: StatusError | undefined): void;
}

export interface RunningWatch {
  stop(): void;
}

export interface WatchSettings {
  /** Ends the watch after this long; undefined never does. */
  readonly timeoutMs: number | undefined;
  /** Least time between two bookmarks; undefined sends none but the one after the initial events. */
  readonly bookmarkIntervalMs: number | undefined;
}

const initialEventsEnd = 'k8s.io/initial-events-end';

/** Starts a watch; errors in its parameters are thrown, later ones given to the sink. */
export async function watch(
  api: ApiContext,
  call: Call,
  target: {
    readonly sink: WatchSink;
    readonly settings: WatchSettings /** Called once the parameters are found good. */;
    open?(): void;
  },
): Promise<RunningWatch> {
  const { options, resource } = call;
  checkWatchOptions(options);
  const stored = resource.stored!;
  const selection = parseSelection(resource.hub, options);
  const revision = parseRevision(options.resourceVersion);
  const prefix = keyPrefix(stored, call.namespace || (selection.namespace ?? ''));
  const fresh = options.sendInitialEvents === true && options.resourceVersion !== '0';
  if (api.sharedStore && (fresh || !options.resourceVersion)) await readConsistently(api);
  if (options.sendInitialEvents === true && revision > 0) await waitForRevision(api, revision);

  const running = new WatchRun({ api, call, selection, prefix, ...target });
  target.open?.();
  running.start(revision);
  return running;
}

class WatchRun implements RunningWatch {
  readonly #api: ApiContext;
  readonly #call: Call;
  readonly #selection: Selection;
  readonly #prefix: string;
  /** Whether events are delivered for more keys than this watch is about. */
  readonly #narrow: boolean;
  readonly #sink: WatchSink;
  readonly #settings: WatchSettings;
  #subscription: CacheSubscription | undefined;
  #deadline: Timer | undefined;
  #bookmark: Timer | undefined;
  #revision = 0;
  #bookmarked = 0;
  #ended = false;
  /** Conversions under way: later items wait for earlier ones. */
  #converting: Promise<void> | undefined;
  /** The form that objects are selected in: custom resources as clients of their version see them. */
  readonly #asSeen: ((entry: Entry) => Entry | Promise<Entry>) | undefined;
  /** Conversions under way that the selection waits for. */
  #seeing: Promise<void> | undefined;

  constructor(options: {
    api: ApiContext;
    call: Call;
    selection: Selection;
    prefix: string;
    sink: WatchSink;
    settings: WatchSettings;
  }) {
    this.#api = options.api;
    this.#call = options.call;
    this.#selection = options.selection;
    this.#prefix = options.prefix;
    this.#narrow = options.prefix !== options.call.resource.stored!.prefix;
    this.#sink = options.sink;
    this.#settings = options.settings;
    const { custom, present } = options.call.resource;
    this.#asSeen = options.selection.readsContent && custom ? present : undefined;
  }

  start(revision: number): void {
    const { options, resource } = this.#call;
    const { cache } = resource.stored!;
    const initial = options.sendInitialEvents ?? revision === 0;
    let from: number | undefined = revision || undefined;
    if (initial) {
      const snapshot = cache.snapshot();
      from = snapshot.revision;
      this.#revision = from;
      const entries = [...snapshot.range(this.#prefix)];
      this.#whenSeen(entries, () => {
        const items: WatchItem[] = [];
        for (const entry of entries) if (this.#matches(entry)) items.push({ type: 'ADDED', entry, source: undefined });
        if (options.sendInitialEvents && options.allowWatchBookmarks !== false) items.push(this.#makeBookmark(true));
        if (items.length) this.#deliver(items);
      });
    } else if (from === undefined) from = cache.snapshot().revision;
    if (this.#ended) return;
    this.#subscription = cache.watch(from, {
      onEvents: (events) => {
        const seen = this.#asSeen
          ? events.flatMap(({ entry, previous }) => (previous ? [entry, previous] : [entry]))
          : [];
        this.#whenSeen(seen, () => this.#onEvents(events));
      },
      onProgress: (progress) => this.#whenSeen([], () => this.#onProgress(progress)),
      onClosed: (reason) => this.#end(internalError(`the watch ended: ${reason}`)),
    });
    if (!this.#subscription) {
      this.#end(expired(`too old resource version: ${revision} (${cache.snapshot().revision})`));
      return;
    }
    const { timeoutMs } = this.#settings;
    if (timeoutMs !== undefined) this.#deadline = this.#api.clock.after(timeoutMs, () => this.#timeUp());
  }

  stop(): void {
    this.#ended = true;
    this.#subscription?.close();
    this.#deadline?.cancel();
    this.#bookmark?.cancel();
  }

  #end(error: StatusError | undefined): void {
    if (this.#ended) return;
    this.stop();
    this.#sink.onEnd(error);
  }

  #timeUp(): void {
    if (this.#bookmarksWanted() && this.#revision > this.#bookmarked && !this.#seeing)
      this.#deliver([this.#makeBookmark(false)]);
    this.#end(undefined);
  }

  #matches(entry: Entry): boolean {
    const { matches } = this.#selection;
    if (!matches) return true;
    // What the selector reads has been converted before, see #whenSeen.
    const seen = this.#asSeen ? (this.#asSeen(entry) as Entry) : entry;
    return matches(seen.object);
  }

  /** Goes on when entries can be selected: at once, or when a webhook has converted them. */
  #whenSeen(entries: readonly Entry[], goOn: () => void): void {
    const pending = this.#asSeen ? entries.map(this.#asSeen).filter((seen) => seen instanceof Promise) : [];
    if (pending.length === 0 && !this.#seeing) {
      goOn();
      return;
    }
    const previous = this.#seeing;
    const mine: Promise<void> = Promise.all([...pending, previous])
      .then(() => {
        if (!this.#ended) goOn();
      })
      .catch((error) => this.#end(error instanceof StatusError ? error : internalError(String(error))))
      .then(() => {
        if (this.#seeing === mine) this.#seeing = undefined;
      });
    this.#seeing = mine;
  }

  #onEvents(events: readonly CacheEvent<Shared<KubeObject>>[]): void {
    const { matches } = this.#selection;
    const items: WatchItem[] = [];
    for (const event of events) {
      this.#revision = event.revision;
      if (this.#narrow && !event.entry.key.startsWith(this.#prefix)) continue;
      if (!matches) {
        items.push({ type: event.type, entry: event.entry, source: event });
        continue;
      }
      const item = select(event, (entry) => this.#matches(entry));
      if (item) items.push(item);
    }
    if (items.length) this.#deliver(items);
    else this.#onProgress(this.#revision);
  }

  #onProgress(revision: number): void {
    if (revision > this.#revision) this.#revision = revision;
    const { bookmarkIntervalMs } = this.#settings;
    if (this.#bookmark || bookmarkIntervalMs === undefined || !this.#bookmarksWanted()) return;
    this.#bookmark = this.#api.clock.after(bookmarkIntervalMs, () => {
      this.#bookmark = undefined;
      this.#whenSeen([], () => {
        if (this.#revision > this.#bookmarked) this.#deliver([this.#makeBookmark(false)]);
      });
    });
  }

  #bookmarksWanted(): boolean {
    return this.#call.options.allowWatchBookmarks === true && this.#settings.bookmarkIntervalMs !== undefined;
  }

  #makeBookmark(initial: boolean): WatchItem {
    this.#bookmarked = this.#revision;
    const { kind } = this.#call.resource;
    const object = {
      kind: kind.kind,
      apiVersion: kind.apiVersion,
      metadata: {
        resourceVersion: String(Math.max(1, this.#revision)),
        ...(initial ? { annotations: { [initialEventsEnd]: 'true' } } : {}),
      },
    } as unknown as Shared<KubeObject>;
    return { type: 'BOOKMARK', entry: new DerivedEntry('', this.#revision, object), source: undefined };
  }

  /** Hands items to the sink in the form of the call's version, in order even where conversion takes its time. */
  #deliver(items: readonly WatchItem[]): void {
    const { present } = this.#call.resource;
    if (!present) {
      this.#sink.onItems(items);
      return;
    }
    const inVersion = (item: WatchItem) => (item.type === 'BOOKMARK' ? item.entry : present(item.entry));
    const tell = (entries: readonly Entry[]) =>
      this.#sink.onItems(items.map((item, i) => ({ ...item, entry: entries[i]! })));
    const previous = this.#converting;
    const made = previous ? undefined : items.map(inVersion);
    if (made && !made.some((entry) => entry instanceof Promise)) {
      tell(made as Entry[]);
      return;
    }
    const run = async () => {
      await previous;
      const entries = await Promise.all(made ?? items.map(inVersion));
      if (!this.#ended) tell(entries);
    };
    const mine: Promise<void> = run()
      .catch((error) => this.#end(error instanceof StatusError ? error : internalError(String(error))))
      .then(() => {
        if (this.#converting === mine) this.#converting = undefined;
      });
    this.#converting = mine;
  }
}

/** What a watcher with a selector sees of a change: an object that enters or leaves its selection appears or goes. */
function select(event: CacheEvent<Shared<KubeObject>>, matches: (entry: Entry) => boolean): WatchItem | undefined {
  const before = event.previous
    ? matches(event.previous as Entry)
    : event.type === 'DELETED' && matches(event.entry as Entry);
  if (event.type === 'DELETED') return before ? { type: 'DELETED', entry: event.entry, source: event } : undefined;
  const after = matches(event.entry as Entry);
  if (after) {
    const type = event.previous === undefined || !before ? 'ADDED' : 'MODIFIED';
    return { type, entry: event.entry, source: type === event.type ? event : undefined };
  }
  if (!before) return undefined;
  const { object, key } = event.previous!;
  const metadata = { ...object.metadata, resourceVersion: String(event.revision) };
  return { type: 'DELETED', entry: new DerivedEntry(key, event.revision, { ...object, metadata }), source: undefined };
}
