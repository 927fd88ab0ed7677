import type { UserInfo } from '../user.ts';

/** The attributes a decision is made on (upstream's authorizer.Attributes). */
export interface AuthorizationAttributes {
  readonly user: UserInfo;
  readonly verb: string;
  /** Resource requests. */
  readonly resourceRequest: boolean;
  readonly group?: string;
  readonly version?: string;
  readonly resource?: string;
  readonly subresource?: string;
  readonly namespace?: string;
  readonly name?: string;
  readonly fieldSelector?: string;
  readonly labelSelector?: string;
  /** Non-resource requests. */
  readonly path?: string;
}

export type Decision = 'Allow' | 'Deny' | 'NoOpinion';

export interface AuthorizationResult {
  readonly decision: Decision;
  readonly reason: string;
  readonly error?: string;
}

/** One link of the chain: Allow and Deny end it, NoOpinion asks the next, and none allowing means no. */
export interface Authorizer {
  readonly name: string;
  authorize(attributes: AuthorizationAttributes): Promise<AuthorizationResult> | AuthorizationResult;
  /** The rules that apply to a user in a namespace, for SelfSubjectRulesReview; incomplete when it cannot list them. */
  rulesFor?(user: UserInfo, namespace: string): Promise<RulesFor> | RulesFor;
}

export interface RulesFor {
  readonly resourceRules: readonly {
    verbs: readonly string[];
    apiGroups: readonly string[];
    resources: readonly string[];
    resourceNames?: readonly string[];
  }[];
  readonly nonResourceRules: readonly { verbs: readonly string[]; nonResourceURLs: readonly string[] }[];
  readonly incomplete: boolean;
  readonly evaluationError?: string;
}
