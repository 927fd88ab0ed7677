import { defineKind } from '../kind.ts';
import type * as core from '../types/core-v1.ts';

/** Ties a pod to a node. */
export type Binding = core.Binding;

/** core/v1 Binding: acted on, never stored. */
export const Binding = defineKind<Binding>({
  group: '',
  version: 'v1',
  kind: 'Binding',
  plural: 'bindings',
  scope: 'Namespaced',
  schema: 'core/v1.Binding',
  verbs: ['create'],
  persisted: false,
});
