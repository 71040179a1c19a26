/* Jails with stacks of their own and the filter in all of them, and a few programs that run in them. */
import { SeededRandom, type Kernel, virtualHost, type VirtualHost } from '@ns/kern';
import { pfState, pfStates, type PfStateStat, pfStats } from '@ns/pf-state';
import { SOCK_DGRAM, SOCK_RAW, SOCK_STREAM, soaccept, sobind, type Socket, soconnect, socreate, solisten, solistenDequeue, soreceiveBytes, sosendCopy } from '@ns/socket';
import { createStack, type Stack, type StackJail } from '@ns/stack';
import { AF_INET, AF_INET6, cksumAddView, cksumFold, IPPROTO_ICMP, IPPROTO_ICMPV6, parseInAddr, Sockaddr } from '@ns/wire';

export const at = (addr: string, port = 0): Sockaddr => new Sockaddr(parseInAddr(addr)!, port);
const afOf = (addr: string): number => (addr.includes(':') ? AF_INET6 : AF_INET);

export class Net {
  readonly clock: VirtualHost;
  readonly stack: Stack;
  readonly kernel: Kernel;
  readonly random: SeededRandom;

  constructor(seed = 1, filter = true) {
    this.clock = virtualHost({ seed });
    this.random = new SeededRandom(seed);
    this.stack = createStack({ host: this.clock, extra: filter ? [pfState()] : [] });
    this.kernel = this.stack.kernel;
    this.kernel.mbufs.poison = true;
  }

  jail(name: string, passIn = ''): StackJail {
    const j = this.stack.jail({ name, vnet: 'new' });
    if (this.kernel.isLoaded('pf_state')) j.sysctl('net.pf_state.pass_in', passIn);
    return j;
  }

  /** Both families: 10.0.<net>.1 and .2, fd00:<net>::1 and ::2. */
  link(a: StackJail, b: StackJail, net = 0): { a: string; b: string } {
    const l = this.stack.link(a, `10.0.${net}.1/24`, b, `10.0.${net}.2/24`);
    a.addAddress(l.a, `fd00:${net}::1/64`);
    b.addAddress(l.b, `fd00:${net}::2/64`);
    this.run();
    return l;
  }

  run(seconds = 0.5): void {
    this.clock.advance(seconds * 1e6);
  }

  socket(j: StackJail, type: number, addr: string, proto = 0): Socket {
    const so = socreate(j.vnet, afOf(addr), type, proto, j.cred);
    if (typeof so === 'number') throw new Error(`socreate: ${so}`);
    return so;
  }

  listen(j: StackJail, addr: string, port: number): Socket {
    const so = this.socket(j, SOCK_STREAM, addr);
    if (sobind(so, at(addr, port), j.cred) !== 0 || solisten(so, 10) !== 0) throw new Error('listen');
    return so;
  }

  accept(head: Socket): Socket {
    const so = solistenDequeue(head);
    if (typeof so === 'number') throw new Error(`accept: ${so}`);
    soaccept(so);
    return so;
  }

  connect(j: StackJail, addr: string, port: number): Socket {
    const so = this.socket(j, SOCK_STREAM, addr);
    const errno = soconnect(so, at(addr, port), j.cred);
    if (errno !== 0) throw new Error(`connect: ${errno}`);
    this.run();
    return so;
  }

  udp(j: StackJail, addr: string, port = 0): Socket {
    const so = this.socket(j, SOCK_DGRAM, addr);
    const errno = sobind(so, at(addr, port), j.cred);
    if (errno !== 0) throw new Error(`bind: ${errno}`);
    return so;
  }

  /** Sends bytes and gives what arrives at the other socket. */
  send(so: Socket, text: string, to: Sockaddr | null = null): number {
    const bytes = new TextEncoder().encode(text);
    const n = sosendCopy(so, to, bytes, 0, bytes.length, 0);
    this.run();
    return n;
  }

  read(so: Socket): string {
    const buf = new Uint8Array(65536);
    const n = soreceiveBytes(so, buf, 0, buf.length, 0);
    return n <= 0 ? '' : new TextDecoder().decode(buf.subarray(0, n));
  }

  /** Echo requests; how many answers came. */
  ping(j: StackJail, addr: string, count = 1, size = 16): number {
    const six = addr.includes(':');
    const so = this.socket(j, SOCK_RAW, addr, six ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
    const msg = new Uint8Array(8 + size);
    const dv = new DataView(msg.buffer);
    let answers = 0;
    for (let i = 0; i < count; i++) {
      msg[0] = six ? 128 : 8;
      dv.setUint16(2, 0);
      dv.setUint16(4, 77);
      dv.setUint16(6, i);
      if (!six) dv.setUint16(2, cksumFold(cksumAddView(dv, 0, msg.length, 0)));
      sosendCopy(so, at(addr), msg, 0, msg.length, 0);
      this.run();
      const buf = new Uint8Array(65536);
      for (let n = soreceiveBytes(so, buf, 0, buf.length, 0); n > 0; n = soreceiveBytes(so, buf, 0, buf.length, 0)) if (buf[six ? 0 : 20] === (six ? 129 : 0)) answers++;
    }
    return answers;
  }

  stat(j: StackJail): PfStateStat {
    return { ...pfStats(j.vnet) };
  }

  states(j: StackJail): string[] {
    return pfStates(j.vnet).map((s) => `${s.proto} ${s.dport} ${s.ends}`);
  }

  /** Ends everything; what was left over. */
  finish(): string[] {
    const r = this.stack.shutdown();
    return [...r.problems, ...r.leftovers.map((l) => `${l.count} ${l.kind} ${l.name}`), ...(this.kernel.mbufs.outstanding === 0 ? [] : [`${this.kernel.mbufs.outstanding} mbufs`])];
  }
}
