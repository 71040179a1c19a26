import type { RtadvConfSnapshot, RtadvIfSnapshot, RtadvPrefixSnapshot, RtadvSnapshot } from '../snapshot/rtadv.ts';
import { checkSnapshot } from '../snapshot/version.ts';
import { vis } from '../text/format.ts';

const RTPREF: readonly string[] = ['medium', 'high', 'rsv', 'low'];

/** `1h30m`: parts that are 0 are left out. Source: FreeBSD rtadvd/timer_subr.c, sec2str(). */
function sec2str(total: number): string {
  const parts = [`${Math.floor(total / 86400)}d`, `${Math.floor(total / 3600) % 24}h`, `${Math.floor(total / 60) % 60}m`, `${total % 60}s`];
  const text = parts.filter((p) => !p.startsWith('0')).join('');
  return text === '' ? '0s' : text;
}

const life = (sec: number): string => (sec === 0xffffffff ? 'infinity' : sec2str(sec));
const millis = (ms: number): string => (ms % 1000 === 0 ? sec2str(ms / 1000) : `${ms}ms`);

function prefix(p: RtadvPrefixSnapshot): string {
  return `\t  ${vis(p.prefix)} (KERNEL, vltime=${life(p.vltime)}, pltime=${life(p.pltime)}, flags=${p.flags}${p.expire === null ? '' : ` expire=${sec2str(p.expire)}`})\n`;
}

function list(title: string, names: readonly string[], sec: number): string {
  return names.length === 0 ? '' : `\t${title} entries:\n${names.map((n) => `\t  ${vis(n)} (ltime=${sec2str(sec)})\n`).join('')}`;
}

function conf(i: RtadvIfSnapshot, c: RtadvConfSnapshot, verbose: number): string {
  const flags = `${(c.raflags & 0x80) !== 0 ? 'M' : ''}${(c.raflags & 0x40) !== 0 ? 'O' : ''}`;
  const zero = i.status !== 'RA_SEND' && c.rltime === 0 ? ' (RAs will be sent with zero lifetime)' : '';
  let s = `\tDefaultLifetime: ${sec2str(c.rltime)}${zero}\n`;
  s += `\tMinAdvInterval/MaxAdvInterval: ${sec2str(c.mininterval)}/${sec2str(c.maxinterval)}\n`;
  s += `\tAdvLinkMTU: ${c.linkmtu === 0 ? '<none>' : c.linkmtu}, Flags: ${flags === '' ? '<none>' : flags}, Preference: ${RTPREF[(c.raflags & 0x18) >> 3] as string}\n`;
  s += `\tReachableTime: ${millis(c.rtimeMs)}, RetransTimer: ${millis(c.retransMs)}, CurHopLimit: ${c.chlim}\n`;
  s += '\tAdvIfPrefixes: yes\n';
  s += `\tNext RA send: in ${sec2str(c.next)}\n\tLast RA sent: ${c.last === null ? 'never' : `${sec2str(c.last)} ago`}\n`;
  if (verbose < 1) return s;
  if (c.prefixes.length > 0) s += `\tPrefixes (${c.prefixes.length}):\n${c.prefixes.map(prefix).join('')}`;
  s += list('RDNSS', c.rdnss, c.dnsltime) + list('DNSSL', c.dnssl, c.dnsltime);
  return verbose < 2 ? s : `${s}\n\tOutputs\n\t RA: ${c.sent}\n\tInputs\n\t RS: ${c.solicited}\n\n`;
}

/**
 * Router advertisement as `rtadvctl show` shows it: with `verbose` 1 its prefixes and DNS, with 2 counters and the interfaces that nothing is advertised on.
 *
 * Differs: times of day are relative, as a kernel need not know the time of day.
 * Source: FreeBSD rtadvctl/rtadvctl.c, action_show().
 * @public
 */
export function renderRtadvctl(s: RtadvSnapshot, verbose: number = 0): string {
  checkSnapshot('rtadvctl', s);
  let text = '';
  for (const i of s.interfaces) {
    const up = i.up ? 'UP' : 'DOWN';
    if (i.conf !== null) text += `${vis(i.name)}: flags=<${up},CONFIGURED,PERSIST> status=<${i.status}> mtu ${i.mtu}\n${conf(i, i.conf, verbose)}`;
    else if (verbose >= 2) text += `${vis(i.name)}: flags=<${up}> status=<${i.status}> \n`;
  }
  return text;
}
