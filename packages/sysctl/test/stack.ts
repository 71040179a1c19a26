import {
  CTLFLAG_RD, CTLFLAG_RDTUN, CTLFLAG_RW, CTLFLAG_RWTUN, CTLFLAG_SKIP, CTLFLAG_STATS, CTLFLAG_VNET, CTLFLAG_WR, type SysctlDecl, type SysctlReq, sysctlInt, sysctlOpaque, sysctlStats,
  sysctlString, sysctlVars,
} from '@ns/sysctl';

/** What a stack would keep: settings, counters, a table. */
export class Stack {
  delayedAck = 1;
  mssdflt = 536;
  blackhole = false;
  recvspace = 32_768;
  ccDefault = 'newreno';
  dropped: object | null = null;
  readonly stat: { sndbyte: number; rcvdup: number; states: Float64Array } = { sndbyte: 0, rcvdup: 0, states: new Float64Array(3) };
}

/** Kernel-wide settings, seen from each stack. */
export class Shared {
  maxsockbuf = 2_097_152;
  hashsize = 512;
}

const CC: readonly string[] = ['newreno', 'cubic'];

/** Declarations in the manner of a TCP module. */
export function tcpDecls(shared: Shared): SysctlDecl<Stack>[] {
  const v = sysctlVars('net.inet.tcp', (req: SysctlReq<Stack>) => req.vnet, CTLFLAG_VNET);
  const k = sysctlVars('kern.ipc', () => shared);
  return [
    v.int('delayed_ack', 'delayedAck', CTLFLAG_RW, 'Delay ACK to try and piggyback it onto a data packet', { min: 0, max: 1 }),
    v.int('mssdflt', 'mssdflt', CTLFLAG_RWTUN, 'Default TCP Maximum Segment Size', { number: 3, check: (_req, mss) => (mss < 216 ? 22 : 0) }),
    v.bool('blackhole', 'blackhole', CTLFLAG_RW, 'Do not send RST on segments to closed ports'),
    v.uint('recvspace', 'recvspace', CTLFLAG_RW, 'Initial receive socket buffer size'),
    sysctlString<Stack>({
      name: 'net.inet.tcp.cc.algorithm', flags: CTLFLAG_RW | CTLFLAG_VNET, descr: 'Default congestion control algorithm', max: 15,
      get: (req) => req.vnet.ccDefault,
      set: (req, name) => {
        if (!CC.includes(name)) return 3;
        req.vnet.ccDefault = name;
        return 0;
      },
    }),
    sysctlString<Stack>({ name: 'net.inet.tcp.cc.available', descr: 'List available congestion control algorithms', get: () => `\n${CC.join('\n')}` }),
    sysctlStats<Stack, Stack['stat']>({ name: 'net.inet.tcp.stats', flags: CTLFLAG_RW | CTLFLAG_VNET | CTLFLAG_STATS, format: 'S,tcpstat', descr: 'TCP statistics', of: (req) => req.vnet.stat }),
    sysctlInt<Stack>({ name: 'net.inet.tcp.pcbcount', flags: CTLFLAG_RD | CTLFLAG_VNET | CTLFLAG_STATS, descr: 'Number of active protocol control blocks', get: () => 4 }),
    sysctlOpaque<Stack, { local: string }>({
      name: 'net.inet.tcp.drop', flags: CTLFLAG_WR | CTLFLAG_SKIP | CTLFLAG_VNET, descr: 'Drop TCP connection',
      set: (req, pair) => {
        req.vnet.dropped = pair;
      },
    }),
    k.ulong('maxsockbuf', 'maxsockbuf', CTLFLAG_RW, 'Maximum socket buffer size'),
    k.int('tcbhashsize', 'hashsize', CTLFLAG_RDTUN, 'Size of TCP control-block hashtable'),
  ];
}

/** A request from the host. */
export const host = (vnet: Stack): SysctlReq<Stack> => ({ vnet, jailed: false });
/** A request from a jail with a stack of its own. */
export const vnetJail = (vnet: Stack): SysctlReq<Stack> => ({ vnet, jailed: true, ownsVnet: true });
/** A request from a jail that shares the stack of its host. */
export const plainJail = (vnet: Stack): SysctlReq<Stack> => ({ vnet, jailed: true });
