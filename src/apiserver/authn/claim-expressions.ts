/** The expressions of an AuthenticationConfiguration: over the claims of a token, and over the user made of them. */
import { type CelProgram, compileCel } from '../../api/cel/compile.ts';
import type { CelType } from '../../api/cel/types.ts';

const variables: Readonly<Record<'claims' | 'user', Readonly<Record<string, CelType>>>> = {
  claims: { claims: 'dyn' },
  user: {
    user: {
      object: 'authentication.UserInfo',
      fields: { username: 'string', uid: 'string', groups: { list: 'string' }, extra: { map: { list: 'string' } } },
    },
  },
};

/** Compiles one. Throws Error. */
export const compileClaimExpression = (expression: string, about: 'claims' | 'user' = 'claims'): CelProgram =>
  compileCel(expression, { variables: variables[about] });

/** Compiles a rule, which has to be true or false. Throws Error. */
export function compileClaimRule(expression: string, about: 'claims' | 'user' = 'claims'): CelProgram {
  const program = compileClaimExpression(expression, about);
  if (program.type !== 'bool') throw new Error('must evaluate to bool');
  return program;
}
