/** Subresources whose body is the whole object, of which they change one part. */
import type { KubeObject, Shared } from '../../api/kind.ts';
import { mutableCopy } from '../../base/deep.ts';
import type { Call } from '../verbs/call.ts';

/** How a change through a subresource is made: the part of {@link Change} that depends on it. */
export interface Behaviour {
  readonly scope: 'object' | 'status' | 'as-applied';
  /** The object that is stored, from the one that was sent. */
  narrow?(sent: KubeObject, old: Shared<KubeObject>): KubeObject;
}

type Loose = KubeObject &
  Record<string, unknown> & { spec?: Record<string, unknown>; status?: Record<string, unknown> };

const whole: Behaviour = { scope: 'object' };
const status: Behaviour = { scope: 'status' };

function keepMeta(out: KubeObject, sent: KubeObject): KubeObject {
  const { managedFields, resourceVersion, uid } = sent.metadata;
  out.metadata.resourceVersion = resourceVersion;
  if (uid) out.metadata.uid = uid;
  if (managedFields) out.metadata.managedFields = managedFields;
  else delete out.metadata.managedFields;
  return out;
}

const copyOf = (old: Shared<KubeObject>) => mutableCopy(old) as unknown as Loose;

const behaviours: Readonly<Record<string, Behaviour>> = {
  'core/namespaces/finalize': {
    scope: 'as-applied',
    narrow(sent, old) {
      const out = copyOf(old);
      out.spec = { ...(sent as Loose).spec };
      return keepMeta(out, sent);
    },
  },
  'certificates.k8s.io/certificatesigningrequests/approval': {
    scope: 'as-applied',
    narrow(sent, old) {
      const out = copyOf(old);
      const conditions = (sent as Loose).status?.['conditions'];
      out.status = { ...out.status };
      if (conditions === undefined) delete out.status['conditions'];
      else out.status['conditions'] = conditions;
      return keepMeta(out, sent);
    },
  },
  'core/pods/ephemeralcontainers': {
    scope: 'as-applied',
    narrow(sent, old) {
      const out = copyOf(old);
      const containers = (sent as Loose).spec?.['ephemeralContainers'];
      out.spec = { ...out.spec };
      if (containers === undefined) delete out.spec['ephemeralContainers'];
      else out.spec['ephemeralContainers'] = containers;
      return keepMeta(out, sent);
    },
  },
  'core/pods/resize': {
    scope: 'as-applied',
    narrow(sent, old) {
      const out = copyOf(old);
      out.spec = { ...out.spec };
      const resources = (sent as Loose).spec?.['resources'];
      if (resources === undefined) delete out.spec['resources'];
      else out.spec['resources'] = resources;
      for (const list of ['containers', 'initContainers'] as const) {
        const now = (out.spec[list] ?? []) as Record<string, unknown>[];
        const wanted = ((sent as Loose).spec?.[list] ?? []) as Record<string, unknown>[];
        for (const container of now) {
          const other = wanted.find((each) => each['name'] === container['name']);
          if (!other) continue;
          container['resources'] = other['resources'];
          if (other['resizePolicy'] !== undefined) container['resizePolicy'] = other['resizePolicy'];
        }
      }
      return keepMeta(out, sent);
    },
  },
};

/** The behaviour of the call's subresource: the object itself, its status, or one of the others. */
export function behaviourOf(call: Call): Behaviour {
  if (call.subresource === '') return whole;
  if (call.subresource === 'status') return status;
  const { group, plural } = call.resource.hub;
  return behaviours[`${group || 'core'}/${plural}/${call.subresource}`] ?? status;
}

/** Whether a subresource is the object in another light. */
export function isSameKind(group: string, plural: string, subresource: string): boolean {
  return subresource === 'status' || Object.hasOwn(behaviours, `${group || 'core'}/${plural}/${subresource}`);
}
