import { validatePort, validateString } from './args.ts';
import { invalidArgType, nodeError } from './errors.ts';

/** Callback of a send: an error, or the bytes sent. @public */
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
  let data: Data | readonly Data[] = msg;
  let port = args[2];
  let address = args[3];
  let callback = args[4];
  if (!connected && (address || (port && typeof port !== 'function'))) {
    data = slice(data as Data, args[0], args[1]);
  } else if (!connected) {
    port = args[0];
    address = args[1];
    callback = args[2];
  } else {
    if (typeof args[1] !== 'number') callback = args[0];
    else {
      data = slice(data as Data, args[0], args[1]);
      if (typeof port === 'function') {
        callback = port;
        port = undefined;
      }
    }
    if (port || address) throw nodeError(Error, 'ERR_SOCKET_DGRAM_IS_CONNECTED', 'Already connected');
  }
  const list = toList(data);
  const p = connected ? 0 : validatePort(port, 'Port', false);
  if (typeof address === 'function') {
    callback = address;
    address = undefined;
  }
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
