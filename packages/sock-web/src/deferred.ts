/** A promise with its resolvers. It counts as handled: that nobody listens to it is no error. */
export class Deferred<T> {
  readonly promise: Promise<T>;
  resolve!: (value: T) => void;
  reject!: (reason: unknown) => void;

  constructor() {
    this.promise = new Promise<T>((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    this.promise.catch(ignore);
  }
}

/** For rejections that are told in another way. */
export function ignore(): void {}

/** Calls `onAbort` with the reason when `signal` aborts, at once if it has. Returns what takes that back. */
export function onAborted(signal: AbortSignal | undefined, onAbort: (reason: unknown) => void): () => void {
  if (signal === undefined) return ignore;
  if (signal.aborted) {
    onAbort(signal.reason);
    return ignore;
  }
  const listener = (): void => onAbort(signal.reason);
  signal.addEventListener('abort', listener, { once: true });
  return () => signal.removeEventListener('abort', listener);
}
