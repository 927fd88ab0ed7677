/** The admission plugins of a server as one: who mutates and who validates, in upstream's order. */
import type { AdmissionEnvironment, AdmissionPlugin, AdmissionRequest, RunningAdmission } from './admission.ts';
import { builtinAdmissionPlugins } from './plugins.gen.ts';
import { beginSecondRun } from './reinvocation.ts';

export interface AdmissionChainOptions {
  /** Plugins to run besides those that are on by default (--enable-admission-plugins). */
  readonly enable?: readonly string[];
  /** Plugins not to run (--disable-admission-plugins). */
  readonly disable?: readonly string[];
  /** Configuration by plugin name, from the AdmissionConfiguration file. */
  readonly configuration?: Readonly<Record<string, unknown>>;
  /** The plugins there are; the built-in ones by default. */
  readonly plugins?: readonly AdmissionPlugin[];
}

export interface AdmissionChain {
  /** Names of the running plugins, in order. */
  readonly plugins: readonly string[];
  /** Both throw the StatusError of the first plugin that refuses. They are synchronous when every plugin was. */
  mutate(request: AdmissionRequest): void | Promise<void>;
  validate(request: AdmissionRequest): void | Promise<void>;
}

/** Checks that guard the API itself and that no flag turns off. */
const indispensable: ReadonlySet<string> = new Set(['RBACEscalation', 'PolicyExpressions']);

interface Link {
  readonly handles: AdmissionPlugin['handles'];
  readonly run: (request: AdmissionRequest) => void | Promise<void>;
}

/** Builds the chain. Throws Error when a name in enable, disable or configuration is not a plugin's. */
export function buildAdmissionChain(
  environment: Omit<AdmissionEnvironment, 'configuration'>,
  options: AdmissionChainOptions = {},
): AdmissionChain {
  const all = [...(options.plugins ?? builtinAdmissionPlugins)].sort((a, b) => a.order - b.order);
  const known = new Set(all.map((plugin) => plugin.name));
  for (const name of [
    ...(options.enable ?? []),
    ...(options.disable ?? []),
    ...Object.keys(options.configuration ?? {}),
  ]) {
    if (!known.has(name)) {
      throw new Error(`admission plugin ${JSON.stringify(name)} is unknown; there are ${[...known].sort().join(', ')}`);
    }
  }
  const enabled = new Set(options.enable);
  const disabled = new Set(options.disable);
  for (const name of enabled) {
    if (disabled.has(name)) throw new Error(`admission plugin ${JSON.stringify(name)} is both enabled and disabled`);
  }
  const running = all.filter(
    ({ name, enabledByDefault }) =>
      indispensable.has(name) || enabled.has(name) || (enabledByDefault && !disabled.has(name)),
  );
  const mutators: Link[] = [];
  const validators: Link[] = [];
  for (const plugin of running) {
    const instance: RunningAdmission = plugin.create({
      ...environment,
      log: environment.log.child({ admission: plugin.name }),
      configuration: options.configuration?.[plugin.name],
    });
    const handles = (request: AdmissionRequest) => plugin.handles(request);
    if (instance.mutate) mutators.push({ handles, run: (request) => instance.mutate!(request) });
    if (instance.validate) validators.push({ handles, run: (request) => instance.validate!(request) });
  }
  // Decisions are made on complete caches: the first requests wait for them.
  let synced = false;
  const ready = Promise.resolve()
    .then(() => environment.informers.whenSynced())
    .then(() => {
      synced = true;
    });
  ready.catch((error: unknown) => environment.log.error('admission cannot read what it decides by', { error }));
  const run = (links: readonly Link[], request: AdmissionRequest) =>
    synced ? runFrom(links, 0, request) : ready.then(() => runFrom(links, 0, request));
  return {
    plugins: running.map((plugin) => plugin.name),
    mutate(request) {
      const second = () => (beginSecondRun(request) ? run(mutators, request) : undefined);
      const first = run(mutators, request);
      return first ? first.then(second) : second();
    },
    validate: (request) => run(validators, request),
  };
}

function runFrom(links: readonly Link[], start: number, request: AdmissionRequest): void | Promise<void> {
  for (let i = start; i < links.length; i++) {
    const link = links[i]!;
    if (!link.handles(request)) continue;
    const result = link.run(request);
    if (result) return result.then(() => runFrom(links, i + 1, request));
  }
}
