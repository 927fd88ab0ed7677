/** Conversion by a webhook: what it is asked, and what its answer must be (apiextensions conversion/webhook_converter). */
import type { KubeObject, Shared } from '../../../api/kind.ts';
import { type FieldError, fieldErrorMessage } from '../../../api/machinery/field-error.ts';
import { validateAnnotations, validateLabels } from '../../../api/machinery/object-meta.ts';
import { StatusError } from '../../../api/machinery/status.ts';
import type { WebhookConversion } from '../../../api/types/apiextensions-v1.ts';
import { type DeepReadonly, deepEqual, mutableCopy } from '../../../base/deep.ts';
import type { ApiContext } from '../../context.ts';
import type { Converter } from './conversion.ts';
import { callWebhook } from './webhook-client.ts';

type Loose = Record<string, unknown>;

const isObject = (value: unknown): value is Loose =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The forms of a review that this server speaks. */
const reviewVersions = ['v1', 'v1beta1'];

/** What is wrong with an answer, to be put after the name of the kind. */
class Refused extends Error {}

/** Objects that have the version already are not sent. */
export function webhookConverter(api: ApiContext, webhook: DeepReadonly<WebhookConversion>): Converter {
  const reviewVersion = webhook.conversionReviewVersions.find((version) => reviewVersions.includes(version));
  return async (objects, desiredAPIVersion) => {
    const foreign = objects.filter((object) => object.apiVersion !== desiredAPIVersion);
    const [first] = foreign;
    if (!first) return objects as KubeObject[];
    const failed = (text: string) =>
      new StatusError('Unknown', `conversion webhook for ${first.apiVersion}, Kind=${first.kind} ${text}`);
    const uid = api.random.uuid();
    const apiVersion = `apiextensions.k8s.io/${reviewVersion}`;
    const review = { kind: 'ConversionReview', apiVersion, request: { uid, desiredAPIVersion, objects: foreign } };
    try {
      if (!reviewVersion) throw new Error('no supported conversion review versions');
      const answer = await callWebhook(api, webhook.clientConfig!, review);
      const converted = convertedObjects(answer, { apiVersion, uid });
      if (converted.length !== foreign.length)
        throw new Refused(`returned ${converted.length} objects, expected ${foreign.length}`);
      const made = converted.map((object, i) =>
        accept(object, foreign[i]!, { apiVersion: desiredAPIVersion, where: foreign.length > 1 ? i : undefined }),
      );
      return objects.map((object) =>
        object.apiVersion === desiredAPIVersion ? (object as KubeObject) : made.shift()!,
      );
    } catch (error) {
      if (error instanceof Refused) throw failed(error.message);
      throw failed(`failed: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
}

/** The objects of an answer that says it succeeded; throws what it says instead. */
function convertedObjects(answer: unknown, asked: { apiVersion: string; uid: string }): unknown[] {
  const { apiVersion, kind, response } = (isObject(answer) ? answer : {}) as Loose & { response?: Loose };
  // Reviews of the first version had neither to repeat.
  const strict = asked.apiVersion.endsWith('/v1');
  if (strict && (apiVersion !== asked.apiVersion || kind !== 'ConversionReview'))
    throw new Error(
      `expected webhook response of ${asked.apiVersion}, Kind=ConversionReview, got ${apiVersion ?? ''}, Kind=${kind ?? ''}`,
    );
  if (!isObject(response)) throw new Error('no response provided');
  if (strict && response['uid'] !== asked.uid)
    throw new Error(`expected response.uid=${JSON.stringify(asked.uid)}, got ${JSON.stringify(response['uid'] ?? '')}`);
  const result = isObject(response['result']) ? response['result'] : {};
  if (result['status'] !== 'Success')
    throw new Error(
      String(result['message'] || `response.result.status was '${result['status'] ?? ''}', not 'Success'`),
    );
  return Array.isArray(response['convertedObjects']) ? response['convertedObjects'] : [];
}

/** The converted object with the metadata it had: webhooks may change labels and annotations, nothing else there. */
function accept(
  converted: unknown,
  original: Shared<KubeObject>,
  { apiVersion, where }: { apiVersion: string; where: number | undefined },
): KubeObject {
  const subject = where === undefined ? 'object at index 0' : `converted object at index ${where}`;
  const object = isObject(converted) ? converted : {};
  const invalidObject = (text: string) => new Refused(`returned invalid ${subject}: ${text}`);
  if (object['apiVersion'] !== apiVersion)
    throw invalidObject(`invalid groupVersion (expected ${apiVersion}, received ${object['apiVersion'] ?? ''})`);
  if (object['kind'] !== original.kind)
    throw invalidObject(`invalid kind (expected ${original.kind}, received ${object['kind'] ?? ''})`);
  const changed = where === undefined ? 'object' : subject;
  const sent = isObject(object['metadata']) ? object['metadata'] : {};
  for (const [name, title] of [
    ['name', 'name'],
    ['namespace', 'namespace'],
    ['uid', 'UID'],
  ] as const) {
    const [before, after] = [original.metadata[name] ?? '', sent[name] ?? ''];
    if (before !== after)
      throw new Refused(`returned invalid ${changed}: must have the same ${title}: ${before} != ${after}`);
  }
  const { apiVersion: _a, kind: _k, metadata: _m, ...content } = object;
  try {
    return { apiVersion, kind: original.kind, metadata: restored(object['metadata'], original), ...content };
  } catch (error) {
    const place = where === undefined ? '' : ` in object at index ${where}`;
    throw new Refused(`returned invalid metadata${place}: ${(error as Error).message}`);
  }
}

function restored(sent: unknown, original: Shared<KubeObject>): KubeObject['metadata'] {
  if (sent === undefined) throw new Error('missing metadata in converted object');
  if (!isObject(sent)) throw new Error(`invalid metadata of type ${typeof sent} in converted object`);
  const metadata = mutableCopy(original.metadata) as KubeObject['metadata'];
  for (const name of ['labels', 'annotations'] as const) {
    const values = sent[name];
    delete metadata[name];
    if (values === undefined || values === null) continue;
    if (!isObject(values)) throw new Error(`invalid metadata.${name} of type ${typeof values} in converted object`);
    for (const [key, value] of Object.entries(values))
      if (typeof value !== 'string')
        throw new Error(`metadata.${name}[${key}] must be a string, but is ${typeof value} in converted object`);
    const texts = values as Record<string, string>;
    if (!deepEqual(texts, original.metadata[name])) {
      const errors: FieldError[] =
        name === 'labels'
          ? validateLabels(texts, 'metadata.labels')
          : validateAnnotations(texts, 'metadata.annotations');
      if (errors.length) throw new Error(errors.map(fieldErrorMessage).join(', '));
    }
    metadata[name] = texts;
  }
  return metadata;
}
