import type { Pod } from '../../api/core/pod.ts';
import { labelValue, qualifiedName } from '../../api/machinery/names.ts';
import { type AdmissionRequest, defineAdmissionPlugin } from './admission.ts';
import { namespaceAnnotations } from './namespace-annotation.ts';
import { isCore, refusal } from './refusal.ts';

type Labels = Readonly<Record<string, string>>;

const annotation = 'scheduler.alpha.kubernetes.io/node-selector';
const clusterDefault = 'clusterDefaultNodeSelector';

/** `a=b,c=d` as a map. Throws Error that says what is wrong. */
function labelsOf(selector: string | undefined): Labels {
  const out: Record<string, string> = {};
  for (const part of selector?.split(',') ?? []) {
    if (part.trim() === '' && selector!.trim() === '') continue;
    const [key = '', value, ...rest] = part.split('=').map((side) => side.trim());
    if (value === undefined || rest.length) throw new Error(`invalid selector: ${part}`);
    const errors = [...qualifiedName(key), ...labelValue(value)];
    if (errors.length) throw new Error(`invalid selector ${part}: ${errors.join('; ')}`);
    out[key] = value;
  }
  return out;
}

const conflict = (one: Labels, other: Labels) =>
  Object.entries(one).some(([key, value]) => key in other && other[key] !== value);

/**
 * Pods run on the nodes that their namespace is given: by its annotation, else by the cluster's default; and, where the
 * configuration lists the namespace, select by nothing else. On request.
 */
export const podNodeSelector = defineAdmissionPlugin({
  name: 'PodNodeSelector',
  order: 130,
  enabledByDefault: false,
  handles: (request) => request.operation === 'CREATE' && isCore(request, 'pods'),
  create(environment) {
    const { podNodeSelectorPluginConfig: configured = {} } = (environment.configuration ?? {}) as {
      podNodeSelectorPluginConfig?: Labels;
    };
    const selectors = Object.fromEntries(Object.entries(configured).map(([name, text]) => [name, labelsOf(text)]));
    const annotationOf = namespaceAnnotations(environment);

    async function required(request: AdmissionRequest): Promise<Labels> {
      const own = await annotationOf(request.namespace, annotation);
      if (own === undefined) return selectors[clusterDefault] ?? {};
      try {
        return labelsOf(own);
      } catch (error) {
        throw refusal(request, `the annotation ${annotation} of its namespace: ${(error as Error).message}`);
      }
    }
    function check(request: AdmissionRequest, wanted: Labels): void {
      const { nodeSelector = {} } = (request.object as Pod).spec;
      if (conflict(wanted, nodeSelector)) {
        throw refusal(request, 'pod node label selector conflicts with its namespace node label selector');
      }
      const allowed = selectors[request.namespace] ?? {};
      if (Object.keys(allowed).length === 0) return;
      if (Object.entries(nodeSelector).some(([key, value]) => allowed[key] !== value)) {
        throw refusal(request, 'pod node label selector labels conflict with its namespace whitelist');
      }
    }
    return {
      async mutate(request) {
        const wanted = await required(request);
        const { spec } = request.object as Pod;
        const own = spec.nodeSelector;
        if (!conflict(wanted, own ?? {}) && Object.keys(wanted).length) spec.nodeSelector = { ...wanted, ...own };
        check(request, wanted);
      },
      validate: async (request) => check(request, await required(request)),
    };
  },
});
