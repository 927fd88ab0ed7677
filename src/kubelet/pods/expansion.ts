/** `$(NAME)` in commands, arguments and values of environment variables. */

/**
 * Replaces `$(NAME)` by the variable's value. `$$` is a dollar sign that starts nothing; names that are not known stay as
 * they were written.
 */
export function expandVariables(text: string, variables: ReadonlyMap<string, string>): string {
  return text.replace(/\$(?:\$|\(([^)]*)\))/g, (whole, name: string | undefined) =>
    name === undefined ? '$' : (variables.get(name) ?? whole),
  );
}
