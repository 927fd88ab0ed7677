/**
 * The notation of the schema facts, one file per group-version under facts/.
 *
 *     type NAME [cluster] [struct=atomic] [union]          a struct; `cluster` when its objects have no namespace
 *       NUMBER NAME[?] TYPE [token …]                       a field: protobuf number (- for none), JSON name
 *     alias NAME TYPE [value …]                             a named scalar, list or map, with its known values
 *
 * `?` means that JSON leaves the field out when it is empty (Go's omitempty); the name `...` is a struct whose fields are
 * inlined in JSON and a message of its own in protobuf. `*` is a pointer, `[]` a list, `{}` a map by string. A type of
 * another group-version is written `core/v1.PodSpec`. Tokens:
 *
 *     optional       optional for OpenAPI though JSON always has it      required    the reverse
 *     list=map|set|atomic  keys=a,b  map=atomic|granular  struct=…       merge by server-side apply
 *     patch=merge,retainKeys  mergeKey=a                                 strategic merge patch
 *     default=JSON   gate=FEATURE   union                                as upstream marks them
 */
export interface SchemaFacts {
  /** Short name of the group-version, as other files refer to it: `apps/v1`, `core/v1`. */
  readonly id: string;
  /** What objects carry as apiVersion: `apps/v1`, `v1`, `networking.k8s.io/v1`. */
  readonly apiVersion: string;
  /** Prefix of the OpenAPI definition names. */
  readonly openapi: string;
  readonly text: string;
}
