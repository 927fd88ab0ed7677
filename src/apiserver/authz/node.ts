/** The node authorizer: a kubelet reads what its own pods need, and writes what is its own (upstream plugin/pkg/auth/authorizer/node). */
import { parseFieldSelector } from '../../api/machinery/selectors.ts';
import type { UserInfo } from '../user.ts';
import type { AuthorizationAttributes, AuthorizationResult, Authorizer } from './authorizer.ts';
import { defaultClusterRoles } from './default-cluster-roles.ts';
import type { NodeGraph, NodeObject } from './node-graph.ts';
import { formatRule } from './policy-text.ts';
import { ruleAllows } from './rule-match.ts';

const nodeUserPrefix = 'system:node:';

/** The node that a user is; '' for a member of system:nodes whose name is not a node's, undefined for others. */
export function nodeOfUser(user: UserInfo): string | undefined {
  if (!user.groups.includes('system:nodes')) return undefined;
  return user.name.startsWith(nodeUserPrefix) ? user.name.slice(nodeUserPrefix.length) : '';
}

const allow: AuthorizationResult = { decision: 'Allow', reason: '' };
const no = (reason: string): AuthorizationResult => ({ decision: 'NoOpinion', reason });

const reads: ReadonlySet<string> = new Set(['get', 'list', 'watch']);
const ownObjectVerbs: ReadonlySet<string> = new Set(['get', 'create', 'update', 'patch', 'delete']);
const ownObjectVerbsText = 'get, create, update, patch, or delete';

/** Whether a list or watch is limited to one value of a field. */
function isLimitedTo(attributes: AuthorizationAttributes, field: string, value: string): boolean {
  if (!attributes.fieldSelector) return false;
  try {
    return parseFieldSelector(attributes.fieldSelector).exactValue(field) === value;
  } catch {
    return false;
  }
}

/** Decides about requests of nodes only; others are not its concern. */
export function createNodeAuthorizer(graph: NodeGraph): Authorizer {
  const nodeRules = defaultClusterRoles.find((role) => role.name === 'system:node')!.rules!.map(formatRule);
  let synced = false;

  function decide(node: string, attributes: AuthorizationAttributes): AuthorizationResult {
    const { verb, subresource = '', name = '' } = attributes;
    if (attributes.resourceRequest) {
      const key = attributes.group ? `${attributes.resource}.${attributes.group}` : (attributes.resource ?? '');
      switch (key) {
        case 'secrets':
        case 'configmaps':
          if (!reads.has(verb)) return no('can only read resources of this type');
          if (subresource) return no('cannot read subresource');
          if (!attributes.namespace) return no('can only read namespaced object of this type');
          return related(node, key, attributes);
        case 'persistentvolumeclaims':
          if (subresource !== 'status') return get(node, key, attributes);
          if (!['get', 'update', 'patch'].includes(verb)) return no('can only get/update/patch this type');
          return related(node, key, attributes);
        case 'persistentvolumes':
          return get(node, key, attributes);
        case 'volumeattachments.storage.k8s.io':
          return get(node, 'volumeattachments', attributes);
        case 'resourceclaims.resource.k8s.io':
          return get(node, 'resourceclaims', attributes);
        case 'serviceaccounts':
          if (subresource === '') return get(node, key, attributes);
          if (verb !== 'create' || !name) return no('can only create tokens for individual service accounts');
          if (subresource !== 'token') return no('can only create token subresource for service accounts');
          return related(node, key, attributes);
        case 'leases.coordination.k8s.io':
          return lease(node, attributes);
        case 'csinodes.storage.k8s.io':
          return csiNode(node, attributes);
        case 'resourceslices.resource.k8s.io':
          return resourceSlice(node, attributes);
        case 'nodes':
          return nodeObject(node, attributes);
        case 'pods':
          return pod(node, attributes);
      }
    }
    return nodeRules.some((rule) => ruleAllows(rule, attributes)) ? allow : no('');
  }

  function related(node: string, type: NodeObject, attributes: AuthorizationAttributes): AuthorizationResult {
    if (!attributes.name) return no('No Object name found');
    if (graph.isRelated(node, type, attributes.namespace ?? '', attributes.name)) return allow;
    return no(`no relationship found between node '${node}' and this object`);
  }

  function get(node: string, type: NodeObject, attributes: AuthorizationAttributes): AuthorizationResult {
    if (attributes.verb !== 'get') return no('can only get individual resources of this type');
    if (attributes.subresource) return no('cannot get subresource');
    return related(node, type, attributes);
  }

  function pod(node: string, attributes: AuthorizationAttributes): AuthorizationResult {
    const { verb, subresource = '' } = attributes;
    if (subresource === 'status') return verb === 'update' || verb === 'patch' ? allow : no('');
    if (subresource === 'eviction') return verb === 'create' ? allow : no('');
    if (subresource) return no('');
    // Which pods a node may create and delete is for NodeRestriction to say.
    if (verb === 'create' || verb === 'delete') return allow;
    if (verb === 'get') return get(node, 'pods', attributes);
    if (verb !== 'list' && verb !== 'watch') return no('');
    if (attributes.name && graph.isRelated(node, 'pods', attributes.namespace ?? '', attributes.name)) return allow;
    return isLimitedTo(attributes, 'spec.nodeName', node)
      ? allow
      : no('can only list/watch pods with spec.nodeName field selector');
  }

  return {
    name: 'Node',
    authorize(attributes) {
      const node = nodeOfUser(attributes.user);
      if (node === undefined) return no('');
      if (node === '') return no(`unknown node for user ${JSON.stringify(attributes.user.name)}`);
      if (synced) return decide(node, attributes);
      return graph.whenSynced().then(() => {
        synced = true;
        return decide(node, attributes);
      });
    },
    rulesFor: (user) => ({
      resourceRules: [],
      nonResourceRules: [],
      incomplete: nodeOfUser(user) !== undefined,
      ...(nodeOfUser(user) === undefined
        ? {}
        : { evaluationError: 'node authorizer does not support user rule resolution' }),
    }),
  };
}

function lease(node: string, { verb, namespace, name, subresource }: AuthorizationAttributes): AuthorizationResult {
  if (!ownObjectVerbs.has(verb) || subresource) return no(`can only ${ownObjectVerbsText} a node lease`);
  if (namespace !== 'kube-node-lease') {
    return no(`can only access leases in the "kube-node-lease" system namespace`);
  }
  // The name of a lease that is created is checked by NodeRestriction.
  if (verb !== 'create' && name !== node) {
    return no('can only access node lease with the same name as the requesting node');
  }
  return allow;
}

function csiNode(node: string, { verb, name, subresource }: AuthorizationAttributes): AuthorizationResult {
  if (!ownObjectVerbs.has(verb)) return no(`can only ${ownObjectVerbsText} a CSINode`);
  if (subresource) return no('cannot authorize CSINode subresources');
  if (verb !== 'create' && name !== node)
    return no('can only access CSINode with the same name as the requesting node');
  return allow;
}

function resourceSlice(node: string, attributes: AuthorizationAttributes): AuthorizationResult {
  const { verb, subresource } = attributes;
  if (subresource) return no('cannot authorize ResourceSlice subresources');
  // Whose slice it is, is checked by NodeRestriction.
  if (ownObjectVerbs.has(verb)) return allow;
  if (['list', 'watch', 'deletecollection'].includes(verb)) {
    return isLimitedTo(attributes, 'spec.nodeName', node)
      ? allow
      : no('can only list/watch/deletecollection resourceslices with nodeName field selector');
  }
  return no(
    'only the following verbs are allowed for a ResourceSlice: get, watch, list, create, update, patch, delete, deletecollection',
  );
}

function nodeObject(node: string, attributes: AuthorizationAttributes): AuthorizationResult {
  const { verb, subresource = '', name } = attributes;
  if (subresource === 'status') return verb === 'update' || verb === 'patch' ? allow : no('');
  if (subresource) return no('');
  if (verb === 'create' || verb === 'update' || verb === 'patch') return allow;
  if (!reads.has(verb)) return no('');
  if (name === node || (!name && isLimitedTo(attributes, 'metadata.name', node))) return allow;
  return no(
    name
      ? `node '${node}' cannot read '${name}', only its own Node object`
      : `node '${node}' cannot read all nodes, only its own Node object`,
  );
}
