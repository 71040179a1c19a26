import { AsyncResource } from 'node:async_hooks';
import { EADDRNOTAVAIL, EINVAL, EWOULDBLOCK } from '@ns/errno';
import { IFNET, type Ifnet } from '@ns/ifnet';
import {
  type Cmsg,
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
  MCAST_JOIN_SOURCE_GROUP,
  MCAST_LEAVE_SOURCE_GROUP,
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
  sosendmsg,
  sosetopt,
  sosockaddr,
  type SoUpcall,
} from '@ns/socket';
import { AF_INET, AF_INET6, type InAddr, inAddrEqual, IPPROTO_IP, IPPROTO_IPV6, isAny, type Sockaddr, splitZone } from '@ns/wire';
import type { NetContext } from './context.ts';
import { askControl, receivedControl, type ReceivedControl } from './dgram-control.ts';
import { callOut, type PeerName, peerNameOf, sockaddrOf } from './handle.ts';
import type { Served } from './turns.ts';

/** A datagram with its sender. */
export interface ReceivedDatagram {
  readonly data: Buffer;
  readonly address: string;
  readonly family: 'IPv4' | 'IPv6';
  readonly port: number;
  /** Where it was asked for. */
  readonly control: ReceivedControl | null;
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
  /** What is known of a datagram is told. */
  private tells: boolean;

  private constructor(ctx: NetContext, so: Socket) {
    this.turn = 0;
    this.waiting = false;
    this.onreadable = null;
    this.ctx = ctx;
    this.so = so;
    this.info = new DgramInfo();
    this.resource = new AsyncResource('UDPWRAP', { requireManualDestroy: true });
    this.tells = false;
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

  /** Tells of each datagram what {@link ReceivedControl} has. */
  tellControl(): void {
    this.tells = true;
    askControl(this.so, this.v6);
  }

  bind(address: string, port: number): number {
    const sa = this.sockaddr(address, port);
    return sa === null ? EINVAL : sobind(this.so, sa, this.ctx.cred);
  }

  connect(address: string, port: number): number {
    const sa = this.sockaddr(address, port);
    return sa === null ? EINVAL : soconnect(this.so, sa, this.ctx.cred);
  }

  /** A socket address of the socket's family, or null. Source: libuv uv_ip4_addr(), uv_ip6_addr(). */
  private sockaddr(address: string, port: number): Sockaddr | null {
    const sa = sockaddrOf(this.ctx, address, port);
    return sa !== null && sa.addr.af === this.so.domain ? sa : null;
  }

  disconnect(): number {
    return sodisconnect(this.so);
  }

  /** Sends one datagram, made of the pieces, to the connected peer if `address` is null, with ancillary data if there are any. */
  send(list: readonly Uint8Array[], address: string | null, port: number, control: readonly Cmsg[]): number {
    const sa = address === null ? null : this.sockaddr(address, port);
    if (sa === null && address !== null) return EINVAL;
    const data = list.length === 1 ? (list[0] as Uint8Array) : Buffer.concat(list);
    const n = control.length === 0 ? sosendCopy(this.so, sa, data, 0, data.length, 0) : sosendmsg(this.so, sa, data, 0, data.length, control, 0);
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
    const control = this.tells ? receivedControl(this.ctx, this.info) : null;
    return { data, address: this.ctx.formatAddr(from.addr), family: from.addr.af === AF_INET6 ? 'IPv6' : 'IPv4', port: from.port, control };
  }

  close(): void {
    this.onreadable = null;
    soclose(this.so);
    this.resource.emitDestroy();
  }

  sockname(): PeerName | null {
    return peerNameOf(this.ctx, sosockaddr(this.so));
  }

  peername(): PeerName | null {
    return peerNameOf(this.ctx, sopeeraddr(this.so));
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
    const a = this.ctx.parseAddr(splitZone(address)[0]);
    if (a === null || (a.af === AF_INET6 && !this.v6)) return EINVAL;
    const ifp = this.interfaceOf(address, a);
    if (ifp === undefined) return EADDRNOTAVAIL;
    return this.v6 ? sosetopt(this.so, IPPROTO_IPV6, IPV6_MULTICAST_IF, ifp) : sosetopt(this.so, IPPROTO_IP, IP_MULTICAST_IF, ifp);
  }

  /** Joins or leaves a group, on the interface that `iface` says or by route. */
  membership(join: boolean, group: string, iface: string | null): number {
    const req = this.mreq(group, iface);
    if (typeof req === 'number') return req;
    if (req.group.af === AF_INET6) return sosetopt(this.so, IPPROTO_IPV6, join ? IPV6_JOIN_GROUP : IPV6_LEAVE_GROUP, req);
    return sosetopt(this.so, IPPROTO_IP, join ? IP_ADD_MEMBERSHIP : IP_DROP_MEMBERSHIP, req);
  }

  /** Joins or leaves a group, of which only what `source` sends is wanted. */
  sourceMembership(join: boolean, source: string, group: string, iface: string | null): number {
    const req = this.mreq(group, iface);
    if (typeof req === 'number') return req;
    const s = this.ctx.parseAddr(source);
    if (s === null || s.af !== req.group.af) return EINVAL;
    if (s.af === AF_INET6) return sosetopt(this.so, IPPROTO_IPV6, join ? MCAST_JOIN_SOURCE_GROUP : MCAST_LEAVE_SOURCE_GROUP, { ...req, source: s });
    return sosetopt(this.so, IPPROTO_IP, join ? IP_ADD_SOURCE_MEMBERSHIP : IP_DROP_SOURCE_MEMBERSHIP, { ...req, source: s });
  }

  /** A group and its interface, which must be said in the words of the group's family; or an errno. */
  private mreq(group: string, iface: string | null): { group: InAddr; ifp: Ifnet | null } | number {
    const g = this.ctx.parseAddr(splitZone(group)[0]);
    if (g === null || (g.af === AF_INET6 && !this.v6)) return EINVAL;
    if (iface === null) return { group: g, ifp: null };
    const a = this.ctx.parseAddr(splitZone(iface)[0]);
    if (a === null || a.af !== g.af) return EINVAL;
    const ifp = this.interfaceOf(iface, a);
    return ifp === undefined ? EADDRNOTAVAIL : { group: g, ifp };
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

  /**
   * The interface that a text with the address `addr` says: of IPv6 that of the zone, or the one with the address; null where it says none, and the stack chooses. Of IPv4 the one with the address, null for
   * the unspecified address, undefined when there is none.
   */
  private interfaceOf(text: string, addr: InAddr): Ifnet | null | undefined {
    const table = IFNET.get(this.ctx.vnet);
    const named = addr.af === AF_INET6 ? table.byName.get(splitZone(text)[1]) : undefined;
    if (named !== undefined) return named;
    if (!isAny(addr)) for (const ifp of table.list) if (ifp.addrs.some((ifa) => inAddrEqual(ifa.addr, addr))) return ifp;
    return isAny(addr) || addr.af === AF_INET6 ? null : undefined;
  }
}
