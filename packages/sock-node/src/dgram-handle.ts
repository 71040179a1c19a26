import { AsyncResource } from 'node:async_hooks';
import { EADDRNOTAVAIL, EINVAL, EOPNOTSUPP, EWOULDBLOCK } from '@ns/errno';
import { IFNET, type Ifnet } from '@ns/ifnet';
import {
  IP_ADD_MEMBERSHIP,
  IP_ADD_SOURCE_MEMBERSHIP,
  IP_DROP_MEMBERSHIP,
  IP_DROP_SOURCE_MEMBERSHIP,
  IP_MULTICAST_IF,
  IP_MULTICAST_LOOP,
  IP_MULTICAST_TTL,
  IP_TTL,
  IPV6_JOIN_GROUP,
  IPV6_LEAVE_GROUP,
  IPV6_MULTICAST_HOPS,
  IPV6_MULTICAST_IF,
  IPV6_MULTICAST_LOOP,
  IPV6_UNICAST_HOPS,
  IPV6_V6ONLY,
  SO_REUSEADDR,
  SO_REUSEPORT,
  SOCK_DGRAM,
  SOL_SOCKET,
} from '@ns/inpcb';
import { mCopydata, mFreem } from '@ns/mbuf';
import {
  DgramInfo,
  SO_BROADCAST,
  SO_RCVBUF,
  SO_SNDBUF,
  sobind,
  type Socket,
  soclose,
  soconnect,
  sodisconnect,
  sogetopt,
  sopeeraddr,
  soreadable,
  soreceiveDgram,
  sosendCopy,
  sosetopt,
  sosockaddr,
  type SoUpcall,
} from '@ns/socket';
import { AF_INET, AF_INET6, formatInAddr, inAddrEqual, IPPROTO_IP, IPPROTO_IPV6, parseInAddr } from '@ns/wire';
import type { NetContext } from './context.ts';
import { callOut, type PeerName, peerNameOf, sockaddrOf } from './handle.ts';
import type { Served } from './turns.ts';

/** A datagram with its sender. */
export interface ReceivedDatagram {
  readonly data: Buffer;
  readonly address: string;
  readonly family: 'IPv4' | 'IPv6';
  readonly port: number;
}

/** A datagram socket of the stack, in the terms that `NodeDgram` thinks in. Methods return an errno where nothing else is said. */
export class DgramHandle implements SoUpcall, Served {
  turn: number;
  waiting: boolean;
  /** Something can be received, or an error waits. One datagram an event: next ticks and promises have run since the one before. */
  onreadable: (() => void) | null;
  private readonly ctx: NetContext;
  private readonly so: Socket;
  private readonly info: DgramInfo;
  private readonly resource: AsyncResource;

  private constructor(ctx: NetContext, so: Socket) {
    this.turn = 0;
    this.waiting = false;
    this.onreadable = null;
    this.ctx = ctx;
    this.so = so;
    this.info = new DgramInfo();
    this.resource = new AsyncResource('UDPWRAP', { requireManualDestroy: true });
    so.upcall = this;
  }

  static open(ctx: NetContext, v6: boolean): DgramHandle | number {
    const so = ctx.socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM);
    return typeof so === 'number' ? so : new DgramHandle(ctx, so);
  }

  soupcall(): void {
    if (this.onreadable !== null && this.ctx.turns.take(this)) this.serve();
  }

  serve(): void {
    if (this.onreadable !== null) callOut(this.resource, this.onreadable, undefined);
  }

  /** What waits behind the datagram just received has the next turn. */
  receiveAgain(): void {
    if (soreadable(this.so)) this.ctx.turns.again(this);
  }

  bind(address: string, port: number): number {
    const sa = sockaddrOf(address, port);
    return sa === null ? EINVAL : sobind(this.so, sa, this.ctx.cred);
  }

  connect(address: string, port: number): number {
    const sa = sockaddrOf(address, port);
    return sa === null ? EINVAL : soconnect(this.so, sa, this.ctx.cred);
  }

  disconnect(): number {
    return sodisconnect(this.so);
  }

  /** Sends one datagram, made of the pieces, to the connected peer if `address` is null. */
  send(list: readonly Uint8Array[], address: string | null, port: number): number {
    const sa = address === null ? null : sockaddrOf(address, port);
    if (sa === null && address !== null) return EINVAL;
    const data = list.length === 1 ? (list[0] as Uint8Array) : Buffer.concat(list);
    const n = sosendCopy(this.so, sa, data, 0, data.length, 0);
    return n < 0 ? -n : 0;
  }

  /** The oldest datagram, null when there is none, or the pending errno. */
  receive(): ReceivedDatagram | number | null {
    const m = soreceiveDgram(this.so, this.info, 0);
    if (m === null) return this.so.rcvErrno === 0 || this.so.rcvErrno === EWOULDBLOCK ? null : this.so.rcvErrno;
    const data = Buffer.allocUnsafe(m.pktlen);
    mCopydata(m, 0, m.pktlen, data);
    mFreem(m);
    const from = this.info.from();
    return { data, address: formatInAddr(from.addr), family: from.addr.af === AF_INET6 ? 'IPv6' : 'IPv4', port: from.port };
  }

  close(): void {
    this.onreadable = null;
    soclose(this.so);
    this.resource.emitDestroy();
  }

  sockname(): PeerName | null {
    return peerNameOf(sosockaddr(this.so));
  }

  peername(): PeerName | null {
    return peerNameOf(sopeeraddr(this.so));
  }

  /** Several sockets may have the address: on a BSD that takes SO_REUSEPORT too, and libuv sets it there. */
  setReuseAddr(): void {
    sosetopt(this.so, SOL_SOCKET, SO_REUSEADDR, 1);
    sosetopt(this.so, SOL_SOCKET, SO_REUSEPORT, 1);
  }

  setReusePort(): void {
    sosetopt(this.so, SOL_SOCKET, SO_REUSEPORT, 1);
  }

  /** Whether an IPv6 socket keeps IPv4 out; the system's default (net.inet6.ip6.v6only) does not count, as with the other kind of sockets. */
  setV6Only(on: boolean): void {
    if (this.v6) sosetopt(this.so, IPPROTO_IPV6, IPV6_V6ONLY, on ? 1 : 0);
  }

  setBroadcast(on: boolean): number {
    return sosetopt(this.so, SOL_SOCKET, SO_BROADCAST, on ? 1 : 0);
  }

  setTtl(ttl: number): number {
    return this.v6 ? sosetopt(this.so, IPPROTO_IPV6, IPV6_UNICAST_HOPS, ttl) : sosetopt(this.so, IPPROTO_IP, IP_TTL, ttl);
  }

  setMulticastTtl(ttl: number): number {
    return this.v6 ? sosetopt(this.so, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, ttl) : sosetopt(this.so, IPPROTO_IP, IP_MULTICAST_TTL, ttl);
  }

  setMulticastLoop(on: boolean): number {
    const v = on ? 1 : 0;
    return this.v6 ? sosetopt(this.so, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, v) : sosetopt(this.so, IPPROTO_IP, IP_MULTICAST_LOOP, v);
  }

  setMulticastInterface(address: string): number {
    const ifp = this.interfaceOf(address);
    if (ifp === undefined) return EADDRNOTAVAIL;
    return this.v6 ? sosetopt(this.so, IPPROTO_IPV6, IPV6_MULTICAST_IF, ifp) : sosetopt(this.so, IPPROTO_IP, IP_MULTICAST_IF, ifp);
  }

  /** Joins or leaves a group, on the interface with the address `iface` or by route. */
  membership(join: boolean, group: string, iface: string | null): number {
    const g = parseInAddr(group);
    if (g === null) return EINVAL;
    const ifp = iface === null ? null : this.interfaceOf(iface);
    if (ifp === undefined) return EADDRNOTAVAIL;
    if (this.v6) return sosetopt(this.so, IPPROTO_IPV6, join ? IPV6_JOIN_GROUP : IPV6_LEAVE_GROUP, { group: g, ifp });
    return sosetopt(this.so, IPPROTO_IP, join ? IP_ADD_MEMBERSHIP : IP_DROP_MEMBERSHIP, { group: g, ifp });
  }

  /** Joins or leaves a group, of which only what `source` sends is wanted. */
  sourceMembership(join: boolean, source: string, group: string, iface: string | null): number {
    const g = parseInAddr(group);
    const s = parseInAddr(source);
    if (g === null || s === null) return EINVAL;
    const ifp = iface === null ? null : this.interfaceOf(iface);
    if (ifp === undefined) return EADDRNOTAVAIL;
    if (this.v6) return EOPNOTSUPP;
    return sosetopt(this.so, IPPROTO_IP, join ? IP_ADD_SOURCE_MEMBERSHIP : IP_DROP_SOURCE_MEMBERSHIP, { group: g, ifp, source: s });
  }

  setRecvBuffer(size: number): number {
    return sosetopt(this.so, SOL_SOCKET, SO_RCVBUF, size);
  }

  setSendBuffer(size: number): number {
    return sosetopt(this.so, SOL_SOCKET, SO_SNDBUF, size);
  }

  recvBuffer(): number {
    return sogetopt(this.so, SOL_SOCKET, SO_RCVBUF) as number;
  }

  sendBuffer(): number {
    return sogetopt(this.so, SOL_SOCKET, SO_SNDBUF) as number;
  }

  private get v6(): boolean {
    return this.so.domain === AF_INET6;
  }

  /** The interface with this address (or, for IPv6, `%name` zone); null for the unspecified address; undefined when there is none. */
  private interfaceOf(address: string): Ifnet | null | undefined {
    const at = address.indexOf('%');
    const table = IFNET.get(this.ctx.vnet);
    if (at >= 0) return table.byName.get(address.slice(at + 1));
    const addr = parseInAddr(address);
    if (addr === null) return undefined;
    if ((addr.w0 | addr.w1 | addr.w2 | addr.w3) === 0) return null;
    for (const ifp of table.list) if (ifp.addrs.some((ifa) => inAddrEqual(ifa.addr, addr))) return ifp;
    return undefined;
  }
}
