import { kubernetesVersion } from '../../api/version.ts';
import { timonelVersion } from '../../cluster/version.ts';

/** `timonel version`. */
export function version(options: { readonly output: 'text' | 'json' }): void {
  const facts = { timonel: `v${timonelVersion}`, kubernetes: kubernetesVersion, node: process.version };
  if (options.output === 'json') process.stdout.write(`${JSON.stringify(facts)}\n`);
  else process.stdout.write(`timonel ${facts.timonel}, Kubernetes API ${facts.kubernetes}, Node.js ${facts.node}\n`);
}
