/** An error of Node's argument checks: class, `code` and text as Node has them. */
export function nodeError<T extends Error>(make: new (message: string) => T, code: string, message: string): T & { code: string } {
  const e = Object.assign(new make(message), { code });
  // The stack begins with `TypeError [ERR_X]: ...`, while `name` stays `TypeError`.
  Object.defineProperty(e, 'name', { value: `${make.name} [${code}]`, configurable: true, enumerable: false, writable: true });
  void e.stack;
  delete (e as { name?: string }).name;
  return e;
}

/** How Node's messages describe what they were given instead. */
export function describe(v: unknown): string {
  if (v === null || v === undefined) return String(v);
  switch (typeof v) {
    case 'function':
      return `function ${v.name}`;
    case 'object':
      return typeof v.constructor === 'function' ? `an instance of ${v.constructor.name}` : '[Object: null prototype] {}';
    case 'string':
      return `type string ('${v.length > 28 ? `${v.slice(0, 25)}...` : v}')`;
    case 'bigint':
      return `type bigint (${v}n)`;
    case 'number':
      return `type number (${Object.is(v, -0) ? '-0' : v})`;
    default:
      return `type ${typeof v} (${String(v)})`;
  }
}

/** ERR_INVALID_ARG_TYPE: `expected` goes on after `must be`. */
export function invalidArgType(name: string, expected: string, value: unknown): TypeError {
  const what = name.endsWith(' argument') ? name : `"${name}" ${name.includes('.') ? 'property' : 'argument'}`;
  return nodeError(TypeError, 'ERR_INVALID_ARG_TYPE', `The ${what} must be ${expected}. Received ${describe(value)}`);
}

/** ERR_INVALID_ARG_VALUE for what this face does not offer. */
export function unsupported(name: string, why: string): TypeError {
  return nodeError(TypeError, 'ERR_INVALID_ARG_VALUE', `The property '${name}' is not supported: ${why}`);
}

/** ERR_SOCKET_CLOSED. */
export function socketClosed(): Error {
  return nodeError(Error, 'ERR_SOCKET_CLOSED', 'Socket is closed');
}

/** ERR_SOCKET_CLOSED_BEFORE_CONNECTION. */
export function closedBeforeConnection(): Error {
  return nodeError(Error, 'ERR_SOCKET_CLOSED_BEFORE_CONNECTION', 'Socket closed before the connection was established');
}

/** ERR_INVALID_IP_ADDRESS. */
export function invalidIpAddress(address: unknown): TypeError {
  return nodeError(TypeError, 'ERR_INVALID_IP_ADDRESS', `Invalid IP address: ${String(address)}`);
}
