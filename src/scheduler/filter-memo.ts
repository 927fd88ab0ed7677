/**
 * Filter results that are still true: pods of one workload ask the same of every node, and a node's answer stays as long
 * as the node does (the idea of KEP-5598). Only filters that look at nothing but the node and the pod's own spec take part.
 */
import type { Shared } from '../api/kind.ts';
import type { Pod } from '../api/types/core-v1.ts';
import type { Verdict } from './framework.ts';
import { type NodeInfo, podInfo } from './node-info.ts';

/** Questions remembered at a time; the least recently asked is forgotten. */
const maxQuestions = 32;

/** A place in the answers that was never asked. */
const unknown = -1;

/** Answers about each node of a list, true as long as the node stays as it is. */
export class NodeAnswers<T> {
  readonly nodes: readonly NodeInfo[];
  readonly #versions: Float64Array;
  readonly #answers: (T | undefined)[];

  constructor(nodes: readonly NodeInfo[]) {
    this.nodes = nodes;
    this.#versions = new Float64Array(nodes.length).fill(unknown);
    this.#answers = new Array<T | undefined>(nodes.length).fill(undefined);
  }

  /** The answer of the node at an index; `ask` is called when the node has changed since. */
  at(index: number, ask: (node: NodeInfo) => T | undefined): T | undefined {
    const node = this.nodes[index]!;
    const version = node.generation;
    if (this.#versions[index] === version) return this.#answers[index];
    const answer = ask(node);
    this.#versions[index] = version;
    this.#answers[index] = answer;
    return answer;
  }
}

export class FilterMemo {
  readonly #questions = new Map<string, NodeAnswers<Verdict>>();

  /** The answers to a pod's question, over the very list of nodes that is given. */
  answers(question: string, nodes: readonly NodeInfo[]): NodeAnswers<Verdict> {
    let answers = this.#questions.get(question);
    this.#questions.delete(question);
    if (answers?.nodes !== nodes) answers = new NodeAnswers<Verdict>(nodes);
    this.#questions.set(question, answers);
    if (this.#questions.size > maxQuestions) this.#questions.delete(this.#questions.keys().next().value!);
    return answers;
  }
}

const questions = new WeakMap<Shared<Pod>, string>();

/** All that node-local filters read of a pod: two pods with the same text get the same answers. */
export function filterQuestion(pod: Shared<Pod>): string {
  let question = questions.get(pod);
  if (question === undefined) {
    const { requests, nonZero, hostPorts } = podInfo(pod);
    const { nodeSelector, affinity, tolerations, nodeName } = pod.spec;
    question = JSON.stringify([
      [...requests],
      nonZero,
      hostPorts,
      nodeSelector,
      affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution,
      tolerations,
      nodeName,
    ]);
    questions.set(pod, question);
  }
  return question;
}

const numbers = new Map<string, number>();
let nextNumber = 1;

/** A number for a question: the same as long as it is asked now and then, never another's. */
export function questionNumber(question: string): number {
  let number = numbers.get(question);
  if (number === undefined) {
    if (numbers.size >= 1000) numbers.clear();
    number = nextNumber++;
    numbers.set(question, number);
  }
  return number;
}
