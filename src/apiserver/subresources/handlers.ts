/** Subresources that are not the object itself, by `group/resource/name`. */

import { bindPod } from './binding.ts';
import { evictPod } from './eviction.ts';
import type { CallHandler } from './handler.ts';
import { requestToken } from './token.ts';

export const subresourceHandlers: Readonly<Record<string, CallHandler>> = {
  'core/pods/binding': bindPod,
  'core/pods/eviction': evictPod,
  'core/serviceaccounts/token': requestToken,
};
