/** The storage class that a volume or claim names, in its field or in the annotation of old. */
interface NamesStorageClass {
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>> };
  readonly spec: { readonly storageClassName?: string };
}

/** The class name; empty when the object names none. */
export function storageClassOf({ metadata, spec }: NamesStorageClass): string {
  return metadata.annotations?.['volume.beta.kubernetes.io/storage-class'] ?? spec.storageClassName ?? '';
}
