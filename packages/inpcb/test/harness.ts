import { EADDRNOTAVAIL, ENETUNREACH } from '@ns/errno';
import { Kernel, type Vnet, virtualHost, type VirtualHost } from '@ns/kern';
import { mFreem } from '@ns/mbuf';
import { crget, type Ucred } from '@ns/vnet';
import { AF_INET, AF_INET6, broadcast4, type InAddr, inAddrEqual, isLoopback, parseInAddr, pseudoSum4, pseudoSum6, Sockaddr } from '@ns/wire';
import { INET, type InetAf, Inpcb, inPcbAlloc, type InpcbInfo, inPcbInfoInit, type InpcbInfoOptions, inpcb, type InpSocket, SOCK_DGRAM } from '@ns/inpcb';

export function addr(text: string): InAddr {
  const a = parseInAddr(text);
  if (a === null) throw new Error(`not an address: ${text}`);
  return a;
}

export function sa(text: string, port: number): Sockaddr {
  return new Sockaddr(addr(text), port);
}

/** The least network protocol that meets the contract: some /24 (or /64) addresses, everything else unreachable. The edge of these tests. */
export class EdgeAf implements InetAf {
  readonly af: number;
  readonly hdrLen: number;
  readonly addrs: InAddr[];

  constructor(af: number, addrs: string[]) {
    this.af = af;
    this.hdrLen = af === AF_INET ? 20 : 40;
    this.addrs = addrs.map(addr);
  }

  defTtl(): number {
    return 64;
  }

  output: InetAf['output'] = (_vnet, m) => {
    mFreem(m);
    return 0;
  };

  pseudoSum(src: InAddr, dst: InAddr, proto: number, len: number): number {
    return src.af === AF_INET ? pseudoSum4(src.w3, dst.w3, proto, len) : pseudoSum6(src.w0, src.w1, src.w2, src.w3, dst.w0, dst.w1, dst.w2, dst.w3, proto, len);
  }

  selectSource(_vnet: Vnet, _fib: number, dst: InAddr): InAddr | number {
    const own = this.addrs.find((a) => inAddrEqual(a, dst));
    if (own !== undefined) return own;
    return this.addrs.find((a) => isLoopback(a) === isLoopback(dst) && a.w0 === dst.w0 && a.w1 === dst.w1 && ((a.w3 ^ dst.w3) & ~0xff) === 0) ?? ENETUNREACH;
  }

  isLocal(_vnet: Vnet, a: InAddr): boolean {
    return this.addrs.some((x) => inAddrEqual(x, a));
  }

  isBroadcast(_vnet: Vnet, a: InAddr): boolean {
    return this.af === AF_INET && (a.w3 === -1 || this.addrs.some((x) => inAddrEqual(broadcast4(x, 24), a)));
  }

  pathInfo(): number {
    return ENETUNREACH;
  }

  primaryAddr(): InAddr | null {
    return this.addrs[0] ?? null;
  }

  primaryBroadcast(): InAddr | null {
    const a = this.addrs[0];
    return a === undefined || this.af !== AF_INET ? null : broadcast4(a, 24);
  }

  ifAddr(): InAddr | null {
    return null;
  }

  unreach: InetAf['unreach'] = (m) => mFreem(m);
}

export interface Bench {
  readonly host: VirtualHost;
  readonly kernel: Kernel;
  readonly vnet: Vnet;
  readonly root: Ucred;
  readonly user: Ucred;
}

/** A kernel with module inpcb, 10.0.0.1 and 127.0.0.1, 2001:db8::1 and ::1. */
export function bench(seed = 1, addrs: string[] = ['10.0.0.1', '10.0.0.2', '127.0.0.1', '2001:db8::1', '::1']): Bench {
  const host = virtualHost({ seed });
  const kernel = new Kernel(host);
  const r = kernel.kldload(inpcb());
  if (r.errno !== 0) throw new Error(r.message);
  const vnet = kernel.vnets.vnet0;
  INET.get(vnet).registerAf(new EdgeAf(AF_INET, addrs.filter((a) => !a.includes(':'))));
  INET.get(vnet).registerAf(new EdgeAf(AF_INET6, addrs.filter((a) => a.includes(':'))));
  return { host, kernel, vnet, root: crget(vnet, 0), user: crget(vnet, 1001) };
}

export function info(b: Bench, name = 'tcp', options: InpcbInfoOptions = {}): InpcbInfo {
  return inPcbInfoInit(b.vnet, name, `${name}_inpcb`, options);
}

export class TestSocket implements InpSocket {
  readonly domain: number;
  readonly type: number;
  options: number;
  fibnum = 0;
  readonly cred: Ucred;

  constructor(cred: Ucred, options = 0, domain: number = AF_INET, type: number = SOCK_DGRAM) {
    this.cred = cred;
    this.options = options;
    this.domain = domain;
    this.type = type;
  }
}

export function alloc(i: InpcbInfo, so: InpSocket): Inpcb {
  const inp = inPcbAlloc(so, i);
  if (!(inp instanceof Inpcb)) throw new Error(`inPcbAlloc: ${String(inp)}`);
  return inp;
}

export { AF_INET, AF_INET6, EADDRNOTAVAIL };
