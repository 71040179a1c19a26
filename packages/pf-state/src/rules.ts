import { EINVAL } from '@ns/errno';
import { IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_TCP, IPPROTO_UDP } from '@ns/wire';

/** Longest text of net.pf_state.pass_in. */
export const RULES_MAX = 1023;

const RULE = /^(?:(tcp|udp):(\d{1,5})|(icmp|icmp6)|on:([a-z][a-z0-9_.-]{0,14}))$/i;

/** What may begin from outside. */
export class PassIn {
  /** Bit for each open port. */
  private readonly tcp: Uint8Array;
  private readonly udp: Uint8Array;
  /** Questions of ICMP are answered, of ICMPv6. */
  icmp: boolean;
  icmp6: boolean;
  /** Interfaces behind which nobody is outside. */
  readonly inside: string[];

  constructor() {
    this.tcp = new Uint8Array(8192);
    this.udp = new Uint8Array(8192);
    this.icmp = false;
    this.icmp6 = false;
    this.inside = [];
  }

  /** The rules of a text `tcp:80,udp:53,icmp,icmp6,on:em1`; null if it is none. */
  static parse(text: string): PassIn | null {
    const p = new PassIn();
    for (const word of text.split(',')) {
      if (word === '') continue;
      const m = RULE.exec(word);
      const port = Number(m?.[2] ?? 1);
      if (m === null || port < 1 || port > 65535) return null;
      if (m[4] !== undefined) p.inside.push(m[4]);
      else if (m[3] === 'icmp') p.icmp = true;
      else if (m[3] === 'icmp6') p.icmp6 = true;
      else (m[1] === 'tcp' ? p.tcp : p.udp)[port >>> 3]! |= 1 << (port & 7);
    }
    return p;
  }

  /** Whether a flow to this port may begin from outside. */
  allows(proto: number, port: number): boolean {
    switch (proto) {
      case IPPROTO_TCP: return ((this.tcp[port >>> 3] as number) & (1 << (port & 7))) !== 0;
      case IPPROTO_UDP: return ((this.udp[port >>> 3] as number) & (1 << (port & 7))) !== 0;
      case IPPROTO_ICMP: return this.icmp;
      case IPPROTO_ICMPV6: return this.icmp6;
      default: return false;
    }
  }
}

/** For the sysctl: 0 or EINVAL. */
export function checkRules(text: string): number {
  return PassIn.parse(text) === null ? EINVAL : 0;
}
