/** The parts of the evaluator's macro interface that are needed; it has no types for them. */

export interface Node {
  readonly op: string;
  readonly args: unknown;
}

export interface TypeDeclaration {
  readonly kind: string;
  readonly name: string;
  readonly keyType?: TypeDeclaration;
  readonly valueType?: TypeDeclaration;
}

/** The variables that a body sees. */
export interface Context {
  forkWithVariable(name: string, type: unknown): Context;
  reuse(parent: Context): Context;
  setIterValue(value: unknown, evaluator: Evaluator): Context;
}

export interface Checker {
  check(node: Node, context: Context): TypeDeclaration;
  getType(name: string): TypeDeclaration;
  createError(code: string, message: string, node: unknown): Error;
}

export interface Evaluator {
  run(node: Node, context: Context): unknown;
}
