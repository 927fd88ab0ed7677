import { Namespace } from '../../api/core/namespace.ts';
import type { AdmissionEnvironment } from './admission.ts';

/** Reads an annotation of a namespace; the informer may be a moment behind, so one that it lacks is asked for. */
export function namespaceAnnotations({ client, informers }: AdmissionEnvironment) {
  const namespaces = informers.informer(Namespace);
  return async (name: string, annotation: string): Promise<string | undefined> => {
    const found = namespaces.get(undefined, name) ?? (await client.get(Namespace, { name }));
    return found.metadata.annotations?.[annotation];
  };
}
