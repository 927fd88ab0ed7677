/** The TypeScript types of the CRI's messages, computed from the schema. */
import type { enums, messages, services } from './schema.ts';

type Messages = typeof messages;
type Enums = typeof enums;
type Services = typeof services;

/** The name of a message of the CRI. */
export type MessageName = keyof Messages;

type Numeric = 'int32' | 'int64' | 'uint32' | 'uint64' | 'double';

type FieldOut<T> = T extends `${infer Element}[]`
  ? FieldOut<Element>[]
  : T extends Numeric
    ? number
    : T extends 'string'
      ? string
      : T extends 'bool'
        ? boolean
        : T extends 'bytes'
          ? Uint8Array
          : T extends 'map'
            ? Record<string, string>
            : T extends keyof Enums
              ? keyof Enums[T]
              : T extends MessageName
                ? Received<T>
                : never;

type FieldIn<T> = T extends `${infer Element}[]`
  ? readonly FieldIn<Element>[]
  : T extends 'map'
    ? Readonly<Record<string, string>>
    : T extends MessageName
      ? Sent<T>
      : FieldOut<T>;

type IsMessage<T> = T extends MessageName ? true : false;

/**
 * A message as it is received: scalars, lists and maps are always there, messages only when set. 64-bit integers are
 * numbers: nanosecond times lose their last digits, which nothing here compares.
 */
export type Received<N extends MessageName> = {
  [F in keyof Messages[N] as IsMessage<TypeOf<Messages[N][F]>> extends true ? never : F]: FieldOut<
    TypeOf<Messages[N][F]>
  >;
} & {
  [F in keyof Messages[N] as IsMessage<TypeOf<Messages[N][F]>> extends true ? F : never]?: FieldOut<
    TypeOf<Messages[N][F]>
  >;
};

/** A message as it is sent: everything may be left out. */
export type Sent<N extends MessageName> = {
  readonly [F in keyof Messages[N]]?: FieldIn<TypeOf<Messages[N][F]>> | undefined;
};

type TypeOf<F> = F extends readonly [number, infer T] ? T : never;

/** The names of a service's methods. */
export type MethodName<S extends keyof Services> = keyof Services[S];

type Method<S extends keyof Services, M extends keyof Services[S]> = Services[S][M];

/** The request of a method. */
export type RequestOf<S extends keyof Services, M extends keyof Services[S]> =
  Method<S, M> extends readonly [infer R extends MessageName, ...unknown[]] ? Sent<R> : never;

/** The response of a method. */
export type ResponseOf<S extends keyof Services, M extends keyof Services[S]> =
  Method<S, M> extends readonly [unknown, infer R extends MessageName, ...unknown[]] ? Received<R> : never;
