/**
 * The tree of tunables and counters of one kernel, by FreeBSD's names (FreeBSD kern/kern_sysctl.c).
 *
 * Modules declare variables as data, with handlers that read and write their own fields; tools read and write by name, on behalf of a virtual stack and a jail.
 * Neighbours: `kern` makes the tree and registers what modules declare; `cli` renders it.
 *
 * ```ts
 * import { CTLFLAG_RW, CTLFLAG_VNET, SysctlTree, formatSysctlWrite, sysctlVars, type SysctlReq } from '@ns/sysctl';
 *
 * interface Stack { delayedAck: number }
 * const v = sysctlVars('net.inet.tcp', (req: SysctlReq<Stack>) => req.vnet, CTLFLAG_VNET);
 * const tree = new SysctlTree<Stack>();
 * tree.register('tcp', [v.int('delayed_ack', 'delayedAck', CTLFLAG_RW, 'Delay ACK to try and piggyback it onto a data packet', { min: 0, max: 1 })]);
 *
 * const req = { vnet: { delayedAck: 1 }, jailed: false };
 * formatSysctlWrite(tree.sysctlSet('net.inet.tcp.delayed_ack', '0', req));   // => 'net.inet.tcp.delayed_ack: 1 -> 0'
 * ```
 *
 * @packageDocumentation
 */
export {
  CTLFLAG_ANYBODY,
  CTLFLAG_MPSAFE,
  CTLFLAG_NOFETCH,
  CTLFLAG_PRISON,
  CTLFLAG_RD,
  CTLFLAG_RDTUN,
  CTLFLAG_RW,
  CTLFLAG_RWTUN,
  CTLFLAG_SECURE,
  CTLFLAG_SKIP,
  CTLFLAG_STATS,
  CTLFLAG_TUN,
  CTLFLAG_VNET,
  CTLFLAG_WR,
  CTLTYPE_INT,
  CTLTYPE_LONG,
  CTLTYPE_NODE,
  CTLTYPE_OPAQUE,
  CTLTYPE_S64,
  CTLTYPE_STRING,
  CTLTYPE_U64,
  CTLTYPE_U8,
  CTLTYPE_UINT,
  CTLTYPE_ULONG,
} from './flags.ts';
export type { SysctlDecl, SysctlReq, SysctlType, SysctlValue } from './decl.ts';
export {
  type SysctlCommon,
  type SysctlProc,
  sysctlBool,
  sysctlInt,
  sysctlLong,
  sysctlNode,
  sysctlOpaque,
  sysctlStats,
  sysctlString,
  sysctlU64,
  sysctlUint,
  sysctlUlong,
} from './vars.ts';
export { type FieldsOf, type SysctlFieldOptions, SysctlVars, sysctlVars } from './group.ts';
export { SysctlNode } from './node.ts';
export {
  type SysctlGetResult,
  type SysctlRefusal,
  type SysctlRegisterResult,
  type SysctlSetResult,
  SysctlTree,
} from './tree.ts';
export { Kenv } from './kenv.ts';
export { formatSysctl, formatSysctlValue, formatSysctlWrite, type SysctlErrorPlace, sysctlErrorText, type SysctlStyle } from './format.ts';
