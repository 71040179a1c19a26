import { validatePort, validateString } from './args.ts';
import { invalidArgType, nodeError } from './errors.ts';

/** Callback of a send: an error, or the bytes sent. */
export type SendCallback = (error: Error | null, bytes?: number) => void;
/** What can be sent. */
export type Data = string | NodeJS.ArrayBufferView;

/** What the arguments of `send()` came down to. */
export interface SendArgs {
  readonly list: readonly Uint8Array[];
  /** 0 on a connected socket. */
  readonly port: number;
  /** '' = this host, or the peer. */
  readonly address: string;
  readonly cb: SendCallback | null;
}

const TYPES = 'of type string or an instance of Buffer, TypedArray, or DataView';

/**
 * Sorts out the overloads of `dgram.Socket.send()`: `(msg[, offset, length], port[, address][, cb])`, on a connected socket `(msg[, offset, length][, cb])`.
 * Throws what Node throws. Source: Node lib/dgram.js, Socket.prototype.send.
 */
export function sendArgs(connected: boolean, msg: Data | readonly Data[], args: readonly unknown[]): SendArgs {
  let [offset, length, port, address, callback] = args;
  let data: Data | readonly Data[] = msg;
  if (!connected && (address || (port && typeof port !== 'function'))) data = slice(data as Data, offset, length);
  else if (!connected) [port, address, callback] = [offset, length, port];
  else {
    if (typeof length === 'number') {
      data = slice(data as Data, offset, length);
      if (typeof port === 'function') [callback, port] = [port, undefined];
    } else {
      [callback, port, address] = [offset, port, address];
    }
    if (port || address) throw nodeError(Error, 'ERR_SOCKET_DGRAM_IS_CONNECTED', 'Already connected');
  }
  const list = toList(data);
  const p = connected ? 0 : validatePort(port, 'Port', false);
  if (typeof address === 'function') [callback, address] = [address, undefined];
  if (address !== undefined && address !== null) validateString(address, 'address');
  return { list, port: p, address: (address as string | undefined | null) ?? '', cb: typeof callback === 'function' ? (callback as SendCallback) : null };
}

function toList(data: Data | readonly Data[]): Uint8Array[] {
  if (!Array.isArray(data)) return [toBuffer(data as Data, 'buffer', data)];
  return data.length === 0 ? [Buffer.alloc(0)] : (data as readonly Data[]).map((d) => toBuffer(d, 'buffer list arguments', data));
}

function toBuffer(d: Data, name: string, given: unknown): Buffer {
  if (typeof d === 'string') return Buffer.from(d);
  if (!ArrayBuffer.isView(d)) throw invalidArgType(name, TYPES, given);
  return Buffer.from(d.buffer, d.byteOffset, d.byteLength);
}

function slice(data: Data, offset: unknown, length: unknown): Buffer {
  const b = toBuffer(data, 'buffer', data);
  const o = (offset as number) >>> 0;
  const n = (length as number) >>> 0;
  if (o > b.length) throw nodeError(RangeError, 'ERR_BUFFER_OUT_OF_BOUNDS', '"offset" is outside of buffer bounds');
  if (o + n > b.length) throw nodeError(RangeError, 'ERR_BUFFER_OUT_OF_BOUNDS', '"length" is outside of buffer bounds');
  return b.subarray(o, o + n);
}
