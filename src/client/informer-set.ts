/** The informers of one process: one per kind, started on first use, shared by everyone who asks. */
import type { KindRef, KubeObject } from '../api/kind.ts';
import type { Client } from './client.ts';
import type { Informer, InformerSet } from './informer.ts';
import { type InformerEnvironment, type InformerSelection, ListWatchInformer } from './list-watch.ts';

/** An informer set that can say whether it waits for nothing but events: what virtual time needs to know. */
export interface RunningInformerSet extends InformerSet {
  /** Every informer has its list and no request is under way. */
  idle(): boolean;
}

/** Informers that read through `client`. Objects are handed out as the transport gave them: shared, never copied. */
export function createInformerSet(client: Client, env: InformerEnvironment): RunningInformerSet {
  const informers = new Map<string, ListWatchInformer<KubeObject>>();
  let stopped = false;
  const idOf = (kind: KindRef, selection: InformerSelection) =>
    [kind.group, kind.version, kind.plural, selection.namespace, selection.labelSelector, selection.fieldSelector].join(
      '\u0000',
    );

  return {
    informer<T extends KubeObject>(kind: KindRef<T>, selection: InformerSelection = {}): Informer<T> {
      const id = idOf(kind, selection);
      let informer = informers.get(id) as ListWatchInformer<T> | undefined;
      if (!informer) {
        if (stopped) throw new Error(`cannot watch ${kind.plural}: the informers were stopped`);
        informer = new ListWatchInformer<T>(client, kind, { selection, env });
        informers.set(id, informer as unknown as ListWatchInformer<KubeObject>);
        informer.start();
      }
      return informer;
    },
    async whenSynced() {
      await Promise.all([...informers.values()].map((informer) => informer.whenSynced()));
    },
    idle: () => [...informers.values()].every((informer) => informer.idle),
    drop(kind) {
      const id = idOf(kind, {});
      informers.get(id)?.stop();
      informers.delete(id);
    },
    stop() {
      stopped = true;
      for (const informer of informers.values()) informer.stop();
    },
  };
}
