import { SOCK_STREAM } from '@ns/inpcb';
import type { VirtualHost } from '@ns/kern';
import { SO_ACCEPT, sobind, type Socket, soclose, soconnect, socreate, solisten, solistenDequeue, soreceiveBytes, sosendCopy } from '@ns/socket';
import { AF_INET, IN6ADDR_ANY, INADDR_ANY, type InAddr, parseInAddr, Sockaddr } from '@ns/wire';
import type { StackJail } from '../src/index.ts';

export const at = (address: string, port: number): Sockaddr => new Sockaddr(parseInAddr(address) as InAddr, port);

/** A socket of `jail`, which must come into being. */
export function open(jail: StackJail, type: number, af: number = AF_INET): Socket {
  const so = socreate(jail.vnet, af, type, 0, jail.cred);
  if (typeof so === 'number') throw new Error(`socreate: errno ${so}`);
  return so;
}

function must(errno: number, what: string): void {
  if (errno !== 0) throw new Error(`${what}: errno ${errno}`);
}

/** How {@link transfer} is to go. */
export interface TransferOptions {
  readonly port?: number;
  /** Whether the server closes its sockets in the end; default true. */
  readonly close?: boolean;
}

/** Sends `n` bytes over one TCP connection from `client` to `server` at `address`, in virtual time; how many arrived, in order and right. */
export function transfer(host: VirtualHost, server: StackJail, address: string, client: StackJail, n: number, { port = 80, close = true }: TransferOptions = {}): number {
  const buf = new Uint8Array(65536);
  const to = at(address, port);
  const { af } = to.addr;
  const lso = open(server, SOCK_STREAM, af);
  must(sobind(lso, new Sockaddr(af === AF_INET ? INADDR_ANY : IN6ADDR_ANY, port), server.cred), 'sobind');
  must(solisten(lso, 4), 'solisten');
  let got = 0;
  let ended = false;
  let wrong = 0;
  const read = (so: Socket): void => {
    let k = soreceiveBytes(so, buf, 0, buf.length, 0);
    for (; k > 0; k = soreceiveBytes(so, buf, 0, buf.length, 0)) {
      for (let i = 0; i < k; i++) if (buf[i] !== (got + i) % 251) wrong++;
      got += k;
    }
    if (k !== 0 || ended) return;
    ended = true;
    if (close) soclose(so);
  };
  lso.upcall = {
    soupcall: (_s, events) => {
      const so = (events & SO_ACCEPT) !== 0 ? solistenDequeue(lso) : 0;
      if (typeof so === 'number') return;
      so.upcall = { soupcall: () => read(so) };
      read(so);
    },
  };
  const so = open(client, SOCK_STREAM, af);
  const bytes = Uint8Array.from({ length: n }, (_, i) => i % 251);
  let sent = 0;
  const write = (): void => {
    while (sent < n) {
      const k = sosendCopy(so, null, bytes, sent, Math.min(32768, n - sent), 0);
      if (k <= 0) return;
      sent += k;
    }
    so.upcall = null;
    soclose(so);
  };
  so.upcall = { soupcall: write };
  must(soconnect(so, to, client.cred), 'soconnect');
  host.runUntil(() => ended, 60e6);
  if (close) soclose(lso);
  return wrong === 0 ? got : -wrong;
}
