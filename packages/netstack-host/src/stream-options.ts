import type net from 'node:net';
import { EINVAL, ENOPROTOOPT } from '@ns/errno';
import { IPV6_V6ONLY, SOL_SOCKET, type Sockopt, sooptInt, SOPT_SET } from '@ns/inpcb';
import { SO_KEEPALIVE, type Socket } from '@ns/socket';
import { AF_INET6, IPPROTO_IPV6, IPPROTO_TCP } from '@ns/wire';

/** Source: FreeBSD netinet/tcp.h. */
const TCP_NODELAY = 1;
const TCP_KEEPIDLE = 256;

/** Options of a TCP socket that the operating system is told of: what Node's sockets have. */
export class StreamOptions {
  /** IPV6_V6ONLY. */
  v6only: boolean;
  private readonly so: Socket;
  private nodelay: boolean;
  /** Seconds; 0 = the operating system's. */
  private keepidle: number;

  constructor(so: Socket) {
    this.v6only = true;
    this.so = so;
    this.nodelay = false;
    this.keepidle = 0;
  }

  /** A connection has the options of its listener. */
  inherit(from: StreamOptions): void {
    this.v6only = from.v6only;
    this.nodelay = from.nodelay;
    this.keepidle = from.keepidle;
  }

  /** Tells the operating system. */
  apply(conn: net.Socket): void {
    if (this.nodelay) conn.setNoDelay(true);
    if ((this.so.options & SO_KEEPALIVE) !== 0) conn.setKeepAlive(true, this.keepidle * 1000);
  }

  ctloutput(sopt: Sockopt, conn: net.Socket | null): number {
    if (sopt.level === SOL_SOCKET && sopt.name === SO_KEEPALIVE) {
      conn?.setKeepAlive((this.so.options & SO_KEEPALIVE) !== 0, this.keepidle * 1000);
      return 0;
    }
    return sopt.dir === SOPT_SET ? this.set(sopt, conn) : this.get(sopt);
  }

  private set(sopt: Sockopt, conn: net.Socket | null): number {
    const v = sooptInt(sopt);
    if (sopt.level === IPPROTO_TCP && sopt.name === TCP_NODELAY) {
      if (v < 0) return EINVAL;
      this.nodelay = v !== 0;
      conn?.setNoDelay(this.nodelay);
      return 0;
    }
    if (sopt.level === IPPROTO_TCP && sopt.name === TCP_KEEPIDLE) {
      if (v < 0) return EINVAL;
      this.keepidle = v;
      if ((this.so.options & SO_KEEPALIVE) !== 0) conn?.setKeepAlive(true, v * 1000);
      return 0;
    }
    if (sopt.level !== IPPROTO_IPV6 || sopt.name !== IPV6_V6ONLY || this.so.domain !== AF_INET6) return ENOPROTOOPT;
    if (v < 0 || conn !== null) return EINVAL;
    this.v6only = v !== 0;
    return 0;
  }

  private get(sopt: Sockopt): number {
    if (sopt.level === IPPROTO_TCP && sopt.name === TCP_NODELAY) sopt.val = this.nodelay ? 1 : 0;
    else if (sopt.level === IPPROTO_TCP && sopt.name === TCP_KEEPIDLE) sopt.val = this.keepidle;
    else if (sopt.level === IPPROTO_IPV6 && sopt.name === IPV6_V6ONLY && this.so.domain === AF_INET6) sopt.val = this.v6only ? 1 : 0;
    else return ENOPROTOOPT;
    return 0;
  }
}
