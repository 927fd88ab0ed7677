/** Controllers with a bug each: what the simulation is for is to find such. */
import type { ReplicaSet } from '../../src/api/apps/replica-set.ts';
import type { KubeObject, Shared } from '../../src/api/kind.ts';
import type { Client } from '../../src/client/client.ts';
import type { ControllerContext, ControllerDefinition } from '../../src/client/reconcile.ts';

type Definitions = readonly ControllerDefinition[];

/** A controller that works through another client. */
function withClient(definition: ControllerDefinition, change: (client: Client) => Client): ControllerDefinition {
  const contexts = new WeakMap<ControllerContext, ControllerContext>();
  const changed = (context: ControllerContext) => {
    let known = contexts.get(context);
    if (!known) {
      known = { ...context, client: change(context.client) };
      contexts.set(context, known);
    }
    return known;
  };
  const { start, reconcile } = definition;
  return {
    ...definition,
    ...(start ? { start: (context) => start.call(definition, changed(context)) } : {}),
    ...(reconcile ? { reconcile: (key, context) => reconcile.call(definition, key, changed(context)) } : {}),
  };
}

const replace = (
  definitions: Definitions,
  name: string,
  change: (it: ControllerDefinition) => ControllerDefinition,
) => {
  if (!definitions.some((definition) => definition.name === name)) throw new Error(`there is no controller ${name}`);
  return definitions.map((definition) => (definition.name === name ? change(definition) : definition));
};

/** Rollouts go one pod beyond what maxSurge allows. */
export const miscountedSurge = (definitions: Definitions): Definitions =>
  replace(definitions, 'deployment-controller', (definition) =>
    withClient(definition, (client) => {
      const more = (object: unknown): unknown => {
        const set = object as Shared<ReplicaSet>;
        const replicas = set.spec?.replicas ?? 0;
        const wanted = Number(set.metadata?.annotations?.['deployment.kubernetes.io/desired-replicas'] ?? replicas);
        return replicas > 0 && replicas < wanted ? { ...set, spec: { ...set.spec, replicas: replicas + 1 } } : object;
      };
      return {
        ...client,
        create: (kind, draft, options) => client.create(kind, more(draft) as typeof draft, options),
        update: (kind, object, options) => client.update(kind, more(object) as typeof object, options),
      };
    }),
  );

/** A replica set does not hear of what becomes of its pods. */
export const missedEvent = (definitions: Definitions): Definitions =>
  replace(definitions, 'replicaset-controller', (definition) => ({ ...definition, owns: [], watches: [] }));

/** A job makes some of its pods twice. */
export const doubleCreate = (definitions: Definitions): Definitions =>
  replace(definitions, 'job-controller', (definition) =>
    withClient(definition, (client) => {
      let created = 0;
      return {
        ...client,
        async create(kind, draft, options) {
          const first = await client.create(kind, draft, options);
          if (kind.kind === 'Pod' && ++created % 3 === 0) {
            const twin = {
              ...(draft as unknown as KubeObject),
              metadata: { ...(draft as unknown as KubeObject).metadata, name: `${first.metadata.name}x` },
            };
            await client.create(kind, twin as unknown as typeof draft, options);
          }
          return first;
        },
      };
    }),
  );
