/** An extender: a service of the user's that is asked over HTTP when a pod is placed (upstream's extender/v1 API). */
import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import type { Shared } from '../../api/kind.ts';
import type { Node, Pod } from '../../api/types/core-v1.ts';
import type { Clock } from '../../base/clock.ts';
import { durationArgument } from '../arguments.ts';
import type { ExtenderConfig } from '../config/extenders.ts';

const defaultTimeoutMs = 5000;

/** By node, why the pod cannot go there. */
export type FailedNodes = Readonly<Record<string, string>>;

export interface ExtenderFilterResult {
  readonly nodeNames: ReadonlySet<string>;
  readonly failed: FailedNodes;
  /** Nodes that removing pods would not help. */
  readonly failedForGood: FailedNodes;
}

/** The pods that would have to go from a node. */
export interface ExtenderVictims {
  readonly pods: readonly Shared<Pod>[];
  readonly budgetViolations: number;
}

/** Fields of an answer, whatever the case of their names: Go's decoder takes them so. */
type Answer = (field: string) => unknown;

export class HttpExtender {
  readonly config: ExtenderConfig;
  readonly #clock: Clock;
  readonly #managed: ReadonlySet<string>;
  readonly #agent: http.Agent | https.Agent;
  readonly #timeoutMs: number;

  constructor(config: ExtenderConfig, clock: Clock) {
    this.config = config;
    this.#clock = clock;
    this.#managed = new Set(config.managedResources?.map(({ name }) => name));
    this.#timeoutMs = durationArgument(config.httpTimeout) || defaultTimeoutMs;
    this.#agent = config.urlPrefix.startsWith('https:')
      ? new https.Agent({ keepAlive: true, ...tlsOptions(config) })
      : new http.Agent({ keepAlive: true });
  }

  get name(): string {
    return this.config.urlPrefix;
  }

  /** Whether a pod asks for a resource that the extender manages; one that manages none is asked about every pod. */
  isInterested(pod: Shared<Pod>): boolean {
    if (this.#managed.size === 0) return true;
    return [...pod.spec.containers, ...(pod.spec.initContainers ?? [])].some(({ resources }) =>
      [resources?.requests, resources?.limits].some((list) =>
        Object.keys(list ?? {}).some((name) => this.#managed.has(name)),
      ),
    );
  }

  async filter(pod: Shared<Pod>, nodes: readonly Shared<Node>[]): Promise<ExtenderFilterResult> {
    const answer = await this.#ask(this.config.filterVerb!, { Pod: pod, ...this.#nodesOf(nodes) });
    const error = answer('Error');
    if (error) throw new Error(String(error));
    const given = new Set(nodes.map(({ metadata }) => metadata.name));
    const listed = answer('Nodes') as { items?: readonly Shared<Node>[] } | null | undefined;
    const nodeNames = new Set(
      this.config.nodeCacheCapable
        ? ((answer('NodeNames') as string[] | null | undefined) ?? [])
        : (listed?.items ?? []).map(({ metadata }) => metadata.name),
    );
    for (const name of nodeNames)
      if (!given.has(name))
        throw new Error(
          `extender "${this.name}" claims a filtered node "${name}" which is not found in the input node list`,
        );
    return {
      nodeNames,
      failed: (answer('FailedNodes') as FailedNodes | undefined) ?? {},
      failedForGood: (answer('FailedAndUnresolvableNodes') as FailedNodes | undefined) ?? {},
    };
  }

  /** Scores of 0 to 10 by node, not weighed yet. */
  async prioritize(pod: Shared<Pod>, nodes: readonly Shared<Node>[]): Promise<ReadonlyMap<string, number>> {
    const list = (await this.#send(this.config.prioritizeVerb!, { Pod: pod, ...this.#nodesOf(nodes) })) as
      | readonly object[]
      | null;
    return new Map(
      (list ?? []).map((one) => {
        const field = fieldsOf(one);
        return [String(field('Host')), Number(field('Score'))];
      }),
    );
  }

  /** Of the nodes where pods could be removed, those that the extender agrees with, and whom it would remove there. */
  async preempt(
    pod: Shared<Pod>,
    victims: ReadonlyMap<string, ExtenderVictims>,
  ): Promise<Map<string, { readonly uids: readonly string[]; readonly budgetViolations: number }>> {
    const each = (show: (pods: readonly Shared<Pod>[]) => unknown) =>
      Object.fromEntries(
        [...victims].map(([node, { pods, budgetViolations }]) => [
          node,
          { Pods: show(pods), NumPDBViolations: budgetViolations },
        ]),
      );
    const answer = await this.#ask(this.config.preemptVerb!, {
      Pod: pod,
      ...(this.config.nodeCacheCapable
        ? { NodeNameToMetaVictims: each((pods) => pods.map(({ metadata }) => ({ UID: metadata.uid }))) }
        : { NodeNameToVictims: each((pods) => pods) }),
    });
    const found = (answer('NodeNameToMetaVictims') as Readonly<Record<string, object>> | null | undefined) ?? {};
    return new Map(
      Object.entries(found).map(([node, one]) => {
        const field = fieldsOf(one);
        const pods = (field('Pods') as readonly object[] | null | undefined) ?? [];
        return [
          node,
          {
            uids: pods.map((meta) => String(fieldsOf(meta)('UID'))),
            budgetViolations: Number(field('NumPDBViolations') ?? 0),
          },
        ];
      }),
    );
  }

  async bind(pod: Shared<Pod>, nodeName: string): Promise<void> {
    const { name, namespace, uid } = pod.metadata;
    const answer = await this.#ask(this.config.bindVerb!, {
      PodName: name,
      PodNamespace: namespace,
      PodUID: uid,
      Node: nodeName,
    });
    const error = answer('Error');
    if (error) throw new Error(String(error));
  }

  close(): void {
    this.#agent.destroy();
  }

  #nodesOf(nodes: readonly Shared<Node>[]): object {
    if (this.config.nodeCacheCapable) return { Nodes: null, NodeNames: nodes.map(({ metadata }) => metadata.name) };
    return { Nodes: { metadata: {}, items: nodes }, NodeNames: null };
  }

  async #ask(verb: string, body: object): Promise<Answer> {
    return fieldsOf((await this.#send(verb, body)) as object);
  }

  #send(verb: string, body: object): Promise<unknown> {
    const url = `${this.config.urlPrefix.replace(/\/+$/, '')}/${verb}`;
    const bytes = Buffer.from(JSON.stringify(body));
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const request = (url.startsWith('https:') ? https : http).request(
      url,
      {
        method: 'POST',
        agent: this.#agent,
        headers: { 'Content-Type': 'application/json', 'Content-Length': bytes.length },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          if (response.statusCode !== 200) {
            reject(new Error(`failed ${verb} with extender at URL ${url}, code ${response.statusCode}`));
            return;
          }
          try {
            resolve(JSON.parse(Buffer.concat(chunks).toString()));
          } catch (error) {
            reject(new Error(`extender at URL ${url} answered ${verb} with no JSON: ${(error as Error).message}`));
          }
        });
      },
    );
    const timer = this.#clock.after(this.#timeoutMs, () =>
      request.destroy(new Error(`extender at URL ${url} did not answer within ${this.#timeoutMs} ms`)),
    );
    request.on('error', reject);
    request.end(bytes);
    return promise.finally(() => timer.cancel());
  }
}

function fieldsOf(value: object): Answer {
  const byName = new Map(Object.entries(value ?? {}).map(([name, field]) => [name.toLowerCase(), field]));
  return (field) => byName.get(field.toLowerCase());
}

function tlsOptions({ tlsConfig = {}, enableHTTPS }: ExtenderConfig): https.AgentOptions {
  const read = (file: string | undefined, data: string | undefined) =>
    data ? Buffer.from(data, 'base64') : file ? readFileSync(file) : undefined;
  const ca = read(tlsConfig.caFile, tlsConfig.caData);
  const cert = read(tlsConfig.certFile, tlsConfig.certData);
  const key = read(tlsConfig.keyFile, tlsConfig.keyData);
  // As upstream: with enableHTTPS and no authority named, any certificate will do.
  const trusting = tlsConfig.insecure || (enableHTTPS && !ca);
  return {
    ...(ca ? { ca } : {}),
    ...(cert ? { cert } : {}),
    ...(key ? { key } : {}),
    ...(trusting ? { rejectUnauthorized: false } : {}),
    ...(tlsConfig.serverName ? { servername: tlsConfig.serverName } : {}),
  };
}
