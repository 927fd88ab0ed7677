/** Kubernetes' authorizer functions: asking whether a user may do something, from an expression. */
import type { Environment } from '@marcbachmann/cel-js/evaluator';
import { charge } from '../budget.ts';
import { register, registerAsync } from './register.ts';

/** What an expression asks; all of it is optional but the verb, or a path. */
export interface CelAccessQuestion {
  readonly serviceAccount?: { readonly namespace: string; readonly name: string };
  readonly path?: string;
  readonly group?: string;
  readonly resource?: string;
  readonly subresource?: string;
  readonly namespace?: string;
  readonly name?: string;
  readonly fieldSelector?: string;
  readonly labelSelector?: string;
  readonly verb: string;
}

export interface CelAccessAnswer {
  readonly allowed: boolean;
  readonly reason: string;
  readonly error?: string;
}

/** Asks the authorizer as the request's user, or as the service account of the question. */
export type CelAccessCheck = (question: CelAccessQuestion) => Promise<CelAccessAnswer>;

/** The value of the variable `authorizer`. */
export class CelAuthorizer {
  readonly check: CelAccessCheck;
  readonly question: Omit<CelAccessQuestion, 'verb'>;

  constructor(check: CelAccessCheck, question: Omit<CelAccessQuestion, 'verb'> = {}) {
    this.check = check;
    this.question = question;
  }
}

class PathCheck extends CelAuthorizer {}
class GroupCheck extends CelAuthorizer {}
/** The value of the variable `authorizer.requestResource`. */
export class CelResourceCheck extends CelAuthorizer {}

class Decision {
  readonly answer: CelAccessAnswer;

  constructor(answer: CelAccessAnswer) {
    this.answer = answer;
  }
}

const checkCost = 350_000;

/** Adds the functions. */
export function registerAuthorizer(environment: Environment): void {
  environment.registerType('kubernetes.authorization.ResourceCheck', {
    ctor: CelResourceCheck,
    fields: {},
  } as never);
  environment.registerType('kubernetes.authorization.Authorizer', {
    ctor: CelAuthorizer,
    fields: { requestResource: 'kubernetes.authorization.ResourceCheck' },
  } as never);
  environment.registerType('kubernetes.authorization.PathCheck', PathCheck as never);
  environment.registerType('kubernetes.authorization.GroupCheck', GroupCheck as never);
  environment.registerType('kubernetes.authorization.Decision', Decision as never);
  const [root, resource] = ['kubernetes.authorization.Authorizer', 'kubernetes.authorization.ResourceCheck'];
  const decision = 'kubernetes.authorization.Decision';
  const narrowed = (field: string) => (check: CelResourceCheck, value: string) =>
    new CelResourceCheck(check.check, { ...check.question, [field]: value });
  register(environment, {
    [`${root}.path(string): kubernetes.authorization.PathCheck`]: (a: CelAuthorizer, path: string) =>
      new PathCheck(a.check, { ...a.question, path }),
    [`${root}.group(string): kubernetes.authorization.GroupCheck`]: (a: CelAuthorizer, group: string) =>
      new GroupCheck(a.check, { ...a.question, group }),
    [`${root}.serviceAccount(string, string): ${root}`]: (a: CelAuthorizer, namespace: string, name: string) =>
      new CelAuthorizer(a.check, { ...a.question, serviceAccount: { namespace, name } }),
    [`kubernetes.authorization.GroupCheck.resource(string): ${resource}`]: (a: GroupCheck, plural: string) =>
      new CelResourceCheck(a.check, { ...a.question, resource: plural }),
    [`${resource}.subresource(string): ${resource}`]: narrowed('subresource'),
    [`${resource}.namespace(string): ${resource}`]: narrowed('namespace'),
    [`${resource}.name(string): ${resource}`]: narrowed('name'),
    [`${resource}.fieldSelector(string): ${resource}`]: narrowed('fieldSelector'),
    [`${resource}.labelSelector(string): ${resource}`]: narrowed('labelSelector'),
    [`${decision}.allowed(): bool`]: (d: Decision) => d.answer.allowed,
    [`${decision}.reason(): string`]: (d: Decision) => d.answer.reason,
    [`${decision}.errored(): bool`]: (d: Decision) => d.answer.error !== undefined,
    [`${decision}.error(): string`]: (d: Decision) => d.answer.error ?? '',
  });
  for (const type of ['kubernetes.authorization.PathCheck', resource]) {
    registerAsync(environment, `${type}.check(string): ${decision}`, async (check: CelAuthorizer, verb: string) => {
      charge(checkCost);
      return new Decision(await check.check({ ...check.question, verb }));
    });
  }
}
