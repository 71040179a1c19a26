import type dgram from 'node:dgram';
import { EADDRNOTAVAIL, EINVAL, ENOPROTOOPT } from '@ns/errno';
import {
  type IpMreq,
  IP_ADD_MEMBERSHIP,
  IP_ADD_SOURCE_MEMBERSHIP,
  IP_DROP_MEMBERSHIP,
  IP_DROP_SOURCE_MEMBERSHIP,
  IP_MULTICAST_LOOP,
  IP_MULTICAST_TTL,
  IP_TTL,
  IPV6_JOIN_GROUP,
  IPV6_LEAVE_GROUP,
  IPV6_MULTICAST_HOPS,
  IPV6_MULTICAST_LOOP,
  IPV6_UNICAST_HOPS,
  IPV6_V6ONLY,
  SOL_SOCKET,
  type Sockopt,
  sooptInt,
  SOPT_SET,
} from '@ns/inpcb';
import { SO_BROADCAST, SO_RCVBUF, SO_SNDBUF, type Socket } from '@ns/socket';
import { AF_INET6, IPPROTO_IP, IPPROTO_IPV6 } from '@ns/wire';
import { toHost } from './host-addr.ts';
import { attempt } from './host-errno.ts';

const TTL_MAX = 255;
/** Memberships of one socket. */
const MEMBERSHIPS_MAX = 128;

/** A membership asked for. */
interface Membership {
  readonly group: string;
  readonly source: string | null;
}

/** Options of a UDP socket that the operating system is told of: what Node's sockets have. Kept until there is a socket to tell. */
export class DgramOptions {
  /** IPV6_V6ONLY. */
  v6only: boolean;
  private readonly so: Socket;
  /** -1 = the operating system's, as the next two. */
  private ttl: number;
  private multicastTtl: number;
  private multicastLoop: number;
  private members: readonly Membership[];

  constructor(so: Socket) {
    this.v6only = true;
    this.so = so;
    this.ttl = -1;
    this.multicastTtl = -1;
    this.multicastLoop = -1;
    this.members = [];
  }

  /** Tells a new socket what was set before. */
  apply(sock: dgram.Socket): void {
    attempt(() => sock.setBroadcast((this.so.options & SO_BROADCAST) !== 0));
    if (this.ttl > 0) attempt(() => sock.setTTL(this.ttl));
    if (this.multicastTtl >= 0) attempt(() => sock.setMulticastTTL(this.multicastTtl));
    if (this.multicastLoop >= 0) attempt(() => sock.setMulticastLoopback(this.multicastLoop !== 0));
    for (const m of this.members) join(sock, m);
  }

  ctloutput(sopt: Sockopt, sock: dgram.Socket | null): number {
    if (sopt.level === SOL_SOCKET) return this.told(sopt, sock);
    if (sopt.level !== (this.so.domain === AF_INET6 ? IPPROTO_IPV6 : IPPROTO_IP)) return ENOPROTOOPT;
    return sopt.dir === SOPT_SET ? this.set(sopt, sock) : this.get(sopt);
  }

  /** An option of the socket layer has been set. */
  private told(sopt: Sockopt, sock: dgram.Socket | null): number {
    const { so } = this;
    if (sock === null) return 0;
    if (sopt.name === SO_BROADCAST) return attempt(() => sock.setBroadcast((so.options & SO_BROADCAST) !== 0));
    if (sopt.name === SO_RCVBUF) return attempt(() => sock.setRecvBufferSize(so.rcv.hiwat));
    return sopt.name === SO_SNDBUF ? attempt(() => sock.setSendBufferSize(so.snd.hiwat)) : ENOPROTOOPT;
  }

  private set(sopt: Sockopt, sock: dgram.Socket | null): number {
    const v6 = this.so.domain === AF_INET6;
    switch (sopt.name) {
      case v6 ? IPV6_JOIN_GROUP : IP_ADD_MEMBERSHIP:
      case v6 ? IPV6_LEAVE_GROUP : IP_DROP_MEMBERSHIP:
      case IP_ADD_SOURCE_MEMBERSHIP:
      case IP_DROP_SOURCE_MEMBERSHIP:
        return this.member(sopt, sock);
    }
    const v = sooptInt(sopt);
    if (v < 0) return EINVAL;
    switch (sopt.name) {
      case v6 ? IPV6_UNICAST_HOPS : IP_TTL:
        if (v < 1 || v > TTL_MAX) return EINVAL;
        this.ttl = v;
        return sock === null ? 0 : attempt(() => sock.setTTL(v));
      case v6 ? IPV6_MULTICAST_HOPS : IP_MULTICAST_TTL:
        if (v > TTL_MAX) return EINVAL;
        this.multicastTtl = v;
        return sock === null ? 0 : attempt(() => sock.setMulticastTTL(v));
      case v6 ? IPV6_MULTICAST_LOOP : IP_MULTICAST_LOOP:
        this.multicastLoop = v;
        return sock === null ? 0 : attempt(() => sock.setMulticastLoopback(v !== 0));
      case IPV6_V6ONLY:
        if (!v6) return ENOPROTOOPT;
        if (sock !== null) return EINVAL;
        this.v6only = v !== 0;
        return 0;
      default:
        return ENOPROTOOPT;
    }
  }

  private get(sopt: Sockopt): number {
    const v6 = this.so.domain === AF_INET6;
    if (sopt.name === (v6 ? IPV6_UNICAST_HOPS : IP_TTL) && this.ttl > 0) sopt.val = this.ttl;
    else if (sopt.name === (v6 ? IPV6_MULTICAST_HOPS : IP_MULTICAST_TTL) && this.multicastTtl >= 0) sopt.val = this.multicastTtl;
    else if (sopt.name === (v6 ? IPV6_MULTICAST_LOOP : IP_MULTICAST_LOOP)) sopt.val = this.multicastLoop === 0 ? 0 : 1;
    else if (v6 && sopt.name === IPV6_V6ONLY) sopt.val = this.v6only ? 1 : 0;
    else return ENOPROTOOPT;
    return 0;
  }

  /** Interfaces of this stack mean nothing to the operating system, which takes the one of its route. */
  private member(sopt: Sockopt, sock: dgram.Socket | null): number {
    const req = sopt.val as Partial<IpMreq> | null;
    if (req === null || typeof req !== 'object' || req.group === undefined) return EINVAL;
    const m: Membership = { group: toHost(req.group), source: req.source === undefined ? null : toHost(req.source) };
    const leave = sopt.name === IP_DROP_MEMBERSHIP || sopt.name === IPV6_LEAVE_GROUP || sopt.name === IP_DROP_SOURCE_MEMBERSHIP;
    const has = this.members.some((x) => x.group === m.group && x.source === m.source);
    if (leave !== has) return leave ? EADDRNOTAVAIL : EINVAL;
    if (!leave && this.members.length >= MEMBERSHIPS_MAX) return EINVAL;
    const errno = sock === null ? 0 : leave ? part(sock, m) : join(sock, m);
    if (errno !== 0) return errno;
    this.members = leave ? this.members.filter((x) => x.group !== m.group || x.source !== m.source) : [...this.members, m];
    return 0;
  }
}

function join(sock: dgram.Socket, m: Membership): number {
  const { group, source } = m;
  return attempt(() => (source === null ? sock.addMembership(group) : sock.addSourceSpecificMembership(source, group)));
}

function part(sock: dgram.Socket, m: Membership): number {
  const { group, source } = m;
  return attempt(() => (source === null ? sock.dropMembership(group) : sock.dropSourceSpecificMembership(source, group)));
}
