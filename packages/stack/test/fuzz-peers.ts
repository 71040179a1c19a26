import { EWOULDBLOCK } from '@ns/errno';
import { SOCK_DGRAM, SOCK_STREAM } from '@ns/inpcb';
import type { VirtualHost } from '@ns/kern';
import { mFreem } from '@ns/mbuf';
import { SO_ACCEPT, sobind, type Socket, soclose, soconnect, socreate, solisten, solistenDequeue, soreceiveBytes, soreceiveDgram, sosendCopy } from '@ns/socket';
import { type InAddr, parseInAddr, Sockaddr } from '@ns/wire';
import { expect } from 'vitest';
import type { StackJail } from '../src/index.ts';

/* The honest ends of the fuzz tests: a server that echoes, and a client that asks it. */

export const PORT = 80;

/** Who asks, in which time. */
export interface Asker {
  readonly host: VirtualHost;
  readonly client: StackJail;
}

/** A socket of the family of `address`. */
export function open(jail: StackJail, address: string, type: number): Socket {
  const so = socreate(jail.vnet, (parseInAddr(address) as InAddr).af, type, 0, jail.cred);
  if (typeof so === 'number') throw new Error(`socreate: ${so}`);
  return so;
}

/** A port of an address. */
export const at = (address: string, port: number): Sockaddr => new Sockaddr(parseInAddr(address) as InAddr, port);

/** Echoes TCP and swallows UDP on port 80 of all addresses of the family of `address`. */
export function echo(jail: StackJail, address: string): void {
  const any = address.includes(':') ? '::' : '0.0.0.0';
  const buf = new Uint8Array(4096);
  const lso = open(jail, address, SOCK_STREAM);
  expect(sobind(lso, at(any, PORT), jail.cred)).toBe(0);
  expect(solisten(lso, 16)).toBe(0);
  const stream = {
    soupcall: (so: Socket): void => {
      for (;;) {
        const n = soreceiveBytes(so, buf, 0, buf.length, 0);
        if (n > 0) sosendCopy(so, null, buf, 0, n, 0);
        else {
          if (n === 0 || n !== -EWOULDBLOCK) soclose(so);
          return;
        }
      }
    },
  };
  lso.upcall = {
    soupcall: (_so, events): void => {
      for (let so = solistenDequeue(lso); (events & SO_ACCEPT) !== 0 && typeof so !== 'number'; so = solistenDequeue(lso)) {
        so.upcall = stream;
        stream.soupcall(so);
      }
    },
  };
  const uso = open(jail, address, SOCK_DGRAM);
  expect(sobind(uso, at(any, PORT), jail.cred)).toBe(0);
  uso.upcall = {
    soupcall: (): void => {
      for (let m = soreceiveDgram(uso, null, 0); m !== null; m = soreceiveDgram(uso, null, 0)) mFreem(m);
    },
  };
}

/** Connects to port 80 of `address`, sends `bytes`, and returns what came back before the clock ran out. */
export function ask(w: Asker, address: string, bytes: Uint8Array): number {
  const so = open(w.client, address, SOCK_STREAM);
  const buf = new Uint8Array(65536);
  let got = 0;
  let sent = false;
  so.upcall = {
    soupcall: (): void => {
      if (!sent && sosendCopy(so, null, bytes, 0, bytes.length, 0) > 0) sent = true;
      for (let n = soreceiveBytes(so, buf, 0, buf.length, 0); n > 0; n = soreceiveBytes(so, buf, 0, buf.length, 0)) got += n;
    },
  };
  expect(soconnect(so, at(address, PORT), w.client.cred)).toBe(0);
  w.host.runUntil(() => got >= bytes.length, 60e6);
  soclose(so);
  w.host.advance(1e6);
  return got;
}
