/** Extenders: services of the user's that are asked when pods are placed (`extenders` of the configuration). */
import { at, child, type FieldError, invalid } from '../../api/machinery/field-error.ts';
import { qualifiedName } from '../../api/machinery/names.ts';
import { durationArgument } from '../arguments.ts';
import type { Shape } from './shape.ts';

export interface ExtenderConfig {
  /** Verbs are put behind it. */
  readonly urlPrefix: string;
  readonly filterVerb?: string;
  readonly prioritizeVerb?: string;
  readonly preemptVerb?: string;
  readonly bindVerb?: string;
  /** Factor of the extender's scores. */
  readonly weight?: number;
  readonly enableHTTPS?: boolean;
  readonly tlsConfig?: {
    readonly insecure?: boolean;
    readonly serverName?: string;
    readonly certFile?: string;
    readonly keyFile?: string;
    readonly caFile?: string;
    /** Base64, as the others. */
    readonly certData?: string;
    readonly keyData?: string;
    readonly caData?: string;
  };
  /** As a duration; 5 s when absent. */
  readonly httpTimeout?: string;
  /** It knows the nodes itself: names are enough. */
  readonly nodeCacheCapable?: boolean;
  /** Only pods that ask for one of them concern it; all pods when there are none. */
  readonly managedResources?: readonly { readonly name: string; readonly ignoredByScheduler?: boolean }[];
  /** Pods are placed without it when it cannot be reached. */
  readonly ignorable?: boolean;
}

export const extenderShape: Shape = {
  fields: {
    urlPrefix: 'string',
    filterVerb: 'string',
    prioritizeVerb: 'string',
    preemptVerb: 'string',
    bindVerb: 'string',
    weight: 'integer',
    enableHTTPS: 'boolean',
    tlsConfig: {
      fields: {
        insecure: 'boolean',
        serverName: 'string',
        certFile: 'string',
        keyFile: 'string',
        caFile: 'string',
        certData: 'string',
        keyData: 'string',
        caData: 'string',
      },
    },
    httpTimeout: 'string',
    nodeCacheCapable: 'boolean',
    managedResources: { list: { fields: { name: 'string', ignoredByScheduler: 'boolean' } } },
    ignorable: 'boolean',
  },
};

/** Upstream's rules for extenders. */
export function validateExtenders(extenders: readonly ExtenderConfig[], path: string): FieldError[] {
  const errors: FieldError[] = [];
  const managed = new Set<string>();
  for (const [i, extender] of extenders.entries()) {
    const itemPath = at(path, i);
    if (!URL.canParse(extender.urlPrefix ?? '') || !/^https?:/.test(extender.urlPrefix))
      errors.push(invalid(child(itemPath, 'urlPrefix'), extender.urlPrefix ?? '', 'must be an http or https URL'));
    if (extender.prioritizeVerb && !((extender.weight ?? 0) > 0))
      errors.push(
        invalid(child(itemPath, 'weight'), extender.weight ?? 0, 'must have a positive weight applied to it'),
      );
    if (extender.httpTimeout !== undefined && durationArgument(extender.httpTimeout) === undefined)
      errors.push(invalid(child(itemPath, 'httpTimeout'), extender.httpTimeout, 'must be a duration such as 5s'));
    for (const [j, { name = '' }] of (extender.managedResources ?? []).entries()) {
      const namePath = child(at(child(itemPath, 'managedResources'), j), 'name');
      const wrong = qualifiedName(name);
      errors.push(...wrong.map((why) => invalid(namePath, name, why)));
      if (wrong.length === 0 && !isExtendedName(name))
        errors.push(invalid(namePath, name, 'is an invalid extended resource name'));
      if (managed.has(name)) errors.push(invalid(namePath, name, 'duplicate extender managed resource name'));
      managed.add(name);
    }
  }
  const binders = extenders.filter(({ bindVerb }) => bindVerb).length;
  if (binders > 1)
    errors.push(invalid(path, `found ${binders} extenders implementing bind`, 'only one extender can implement bind'));
  return errors;
}

const isExtendedName = (name: string) =>
  name.includes('/') && !/(^|\.)kubernetes\.io\//.test(name) && !name.startsWith('requests.');
