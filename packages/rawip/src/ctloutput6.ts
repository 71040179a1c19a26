import { EINVAL, ENOPROTOOPT } from '@ns/errno';
import { type Inpcb, inPcbCtloutput6, inpOpts, type Sockopt, SOPT_GET } from '@ns/inpcb';
import { IPPROTO_ICMPV6 } from '@ns/wire';

/** Option of level IPPROTO_ICMPV6: which types an ICMPv6 socket receives, eight words of 32 bits, a set bit passes (RFC 3542 §3.2). Source: FreeBSD netinet/icmp6.h. @public */
export const ICMP6_FILTER = 18;
/** Option of level IPPROTO_IPV6: offset of a checksum that the stack computes and checks, even; -1 = none. Not for ICMPv6, which always has it (RFC 3542 §3.1). @public */
export const IPV6_CHECKSUM = 26;

/** Words of a type filter. */
const FILTER_WORDS = 8;

/** The filter that passes everything. @public */
export function icmp6FilterAll(): Uint32Array {
  return new Uint32Array(FILTER_WORDS).fill(0xffffffff);
}

/** The filter that passes only these types. @public */
export function icmp6FilterOnly(...types: readonly number[]): Uint32Array {
  const f = new Uint32Array(FILTER_WORDS);
  for (const t of types) f[(t >>> 5) & 7]! |= 1 << (t & 31);
  return f;
}

/**
 * Options of level IPPROTO_ICMPV6. The value of ICMP6_FILTER is a Uint32Array of eight words. ENOPROTOOPT on sockets of other protocols, EINVAL for another value.
 * Source: FreeBSD icmp6.c, icmp6_ctloutput().
 */
export function icmp6Ctloutput(inp: Inpcb, sopt: Sockopt): number {
  if (sopt.name !== ICMP6_FILTER || inp.proto !== IPPROTO_ICMPV6) return ENOPROTOOPT;
  if (sopt.dir === SOPT_GET) {
    sopt.val = inp.opts?.icmpFilter?.slice() ?? icmp6FilterAll();
    return 0;
  }
  if (!(sopt.val instanceof Uint32Array) || sopt.val.length !== FILTER_WORDS) return EINVAL;
  inpOpts(inp).icmpFilter = sopt.val.slice();
  return 0;
}

/** Options of level IPPROTO_IPV6 of raw sockets: IPV6_CHECKSUM, and those of every socket. Source: FreeBSD raw_ip6.c, rip6_ctloutput(), ip6_raw_ctloutput(). */
export function rip6Ctloutput(inp: Inpcb, sopt: Sockopt): number {
  if (sopt.name !== IPV6_CHECKSUM) return inPcbCtloutput6(inp, sopt);
  if (sopt.dir === SOPT_GET) {
    sopt.val = inp.proto === IPPROTO_ICMPV6 ? 2 : (inp.opts?.cksumOff ?? -1);
    return 0;
  }
  const off = sopt.val;
  if (inp.proto === IPPROTO_ICMPV6) return off === 2 ? 0 : EINVAL;
  if (typeof off !== 'number' || !Number.isInteger(off) || off < -1 || off > 65533 || (off > 0 && off % 2 !== 0)) return EINVAL;
  inpOpts(inp).cksumOff = off;
  return 0;
}
