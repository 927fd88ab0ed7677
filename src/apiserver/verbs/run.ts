/** Runs a call: picks the verb, or what answers for a subresource or a kind that is not stored. */
import { allVerbs } from '../../api/kind.ts';
import type { ApiContext } from '../context.ts';
import { subresourceHandlers } from '../subresources/handlers.ts';
import { reviewHandlers } from '../subresources/reviews.ts';
import { isSameKind } from '../subresources/same-kind.ts';
import { scaleHandler } from '../subresources/scale.ts';
import type { Answer, Call } from './call.ts';
import { create } from './create.ts';
import { deleteOne } from './delete.ts';
import { deleteCollection } from './delete-collection.ts';
import { get } from './get.ts';
import { list } from './list.ts';
import { patch } from './patch.ts';
import { notAllowed, resourceNotFound } from './refusals.ts';
import { update } from './update.ts';

const needsName = new Set(['get', 'update', 'patch', 'delete']);

/** Runs any verb but watch and connect. Throws StatusError. */
export function runCall(api: ApiContext, call: Call): Answer | Promise<Answer> {
  const { resource, subresource } = call;
  if (subresource !== '') return runSubresource(api, call);
  const { kind } = resource;
  if (!(kind.verbs ?? allVerbs).includes(call.verb as (typeof allVerbs)[number])) throw notAllowed(call);
  if (resource.warning) call.warnings.push(resource.warning);
  if (!resource.stored) {
    const review = reviewHandlers[`${kind.group}/${kind.plural}`];
    if (!review) throw notAllowed(call);
    return review(api, call);
  }
  if ((call.name === '') === needsName.has(call.verb)) throw notAllowed(call);
  switch (call.verb) {
    case 'get':
      return get(api, call);
    case 'list':
      return list(api, call);
    case 'create':
      return create(api, call);
    case 'update':
      return update(api, call);
    case 'patch':
      return patch(api, call);
    case 'delete':
      return deleteOne(api, call);
    case 'deletecollection':
      return deleteCollection(api, call);
    default:
      throw notAllowed(call);
  }
}

function runSubresource(api: ApiContext, call: Call): Answer | Promise<Answer> {
  const { kind, hub } = call.resource;
  const { subresource } = call;
  const declared = kind.subresources?.[subresource];
  if (!declared) throw resourceNotFound();
  if (call.resource.warning) call.warnings.push(call.resource.warning);
  if (subresource === 'scale') return scaleHandler(api, call);
  const own = subresourceHandlers[`${hub.group || 'core'}/${hub.plural}/${subresource}`];
  if (own) return own(api, call);
  if (!isSameKind(hub.group, hub.plural, subresource)) throw notAllowed(call);
  const allowed = typeof declared === 'object' && 'verbs' in declared ? declared.verbs : ['get', 'patch', 'update'];
  if (!allowed.includes(call.verb as 'get')) throw notAllowed(call);
  switch (call.verb) {
    case 'get':
      return get(api, call);
    case 'update':
      return update(api, call);
    case 'patch':
      return patch(api, call);
    default:
      throw notAllowed(call);
  }
}
