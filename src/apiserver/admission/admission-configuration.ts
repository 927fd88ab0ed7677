/** The AdmissionConfiguration file (apiserver.config.k8s.io/v1): settings of plugins by name. */
import { builtinAdmissionPlugins } from './plugins.gen.ts';

interface PluginEntry {
  readonly name?: string;
  readonly path?: string;
  readonly configuration?: unknown;
}

/**
 * The settings by plugin of a parsed file; `readFile` gives the parsed contents of a file that an entry names. Throws
 * Error that names the entry and what is wrong with it.
 */
export function readAdmissionConfiguration(
  value: unknown,
  readFile: (path: string) => unknown,
): Readonly<Record<string, unknown>> {
  const {
    apiVersion = '',
    kind = '',
    plugins = [],
  } = (value ?? {}) as {
    apiVersion?: string;
    kind?: string;
    plugins?: readonly PluginEntry[];
  };
  if (kind !== 'AdmissionConfiguration' || apiVersion !== 'apiserver.config.k8s.io/v1') {
    throw new Error(
      `expected apiserver.config.k8s.io/v1, Kind=AdmissionConfiguration, found ${apiVersion}, Kind=${kind}`,
    );
  }
  const known = new Set(builtinAdmissionPlugins.map((plugin) => plugin.name));
  const out: Record<string, unknown> = {};
  for (const [i, { name = '', path, configuration }] of plugins.entries()) {
    if (!known.has(name)) throw new Error(`plugins[${i}].name: ${JSON.stringify(name)} is not an admission plugin`);
    if (name in out) throw new Error(`plugins[${i}].name: ${name} is configured twice`);
    if (path && configuration) throw new Error(`plugins[${i}]: give path or configuration, not both`);
    out[name] = path ? readFile(path) : configuration;
  }
  return out;
}
