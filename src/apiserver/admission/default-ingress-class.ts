import type { Ingress } from '../../api/networking/ingress.ts';
import { IngressClass } from '../../api/networking/ingress-class.ts';
import { defineAdmissionPlugin } from './admission.ts';
import { newestDefault } from './default-class.ts';
import { isResource } from './refusal.ts';

/** Ingresses without a class get the default class. */
export const defaultIngressClass = defineAdmissionPlugin({
  name: 'DefaultIngressClass',
  order: 270,
  enabledByDefault: true,
  handles: (request) => request.operation === 'CREATE' && isResource(request, 'networking.k8s.io', 'ingresses'),
  create({ informers }) {
    const classes = informers.informer(IngressClass);
    return {
      mutate({ object }) {
        const ingress = object as Ingress;
        if (ingress.spec.ingressClassName !== undefined) return;
        if (ingress.metadata.annotations?.['kubernetes.io/ingress.class'] !== undefined) return;
        const chosen = newestDefault(classes.list(), ['ingressclass.kubernetes.io/is-default-class']);
        if (chosen) ingress.spec.ingressClassName = chosen.metadata.name;
      },
    };
  },
});
