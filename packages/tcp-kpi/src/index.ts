/**
 * The contract between TCP and the modules that watch or guard its connections: what hooks on established connections get (FreeBSD netinet/tcp_var.h, struct
 * tcp_hhook_data), and how signatures of RFC 2385 are made and checked (netipsec/ipsec_support.h).
 *
 * Neighbours: `kern` has hook points and helpers, `tcp` runs them, `h-ertt` is a helper, `tcp-signature` has keys; `cc-kpi` is for congestion control.
 *
 * ```ts
 * import { HELPER_CLASS_TCP, type Helper, HHOOK_TCP_EST_OUT, HHOOK_TYPE_TCP, khelpModule } from '@ns/kern';
 * import type { TcpHhookData } from '@ns/tcp-kpi';
 *
 * const sent: Helper<{ bytes: number }> = Object.freeze({
 *   name: 'sent',
 *   classes: HELPER_CLASS_TCP,
 *   ctor: () => ({ bytes: 0 }),
 *   hooks: [{ type: HHOOK_TYPE_TCP, id: HHOOK_TCP_EST_OUT, func: (block: { bytes: number }, ctx: unknown) => (block.bytes += (ctx as TcpHhookData).len) }],
 * });
 * const mod = khelpModule(sent, 1, [{ name: 'tcp', min: 1, preferred: 1, max: 1 }]); // kernel.kldload(mod)
 * ```
 * @packageDocumentation
 */
export {
  type AckNews,
  type LossRecovery,
  type RecoveryConn,
  TCP_FUNCTION_NAME_LEN_MAX,
  TCP_FUNCTIONS,
  type TcpDeregisterOptions,
  type TcpFunctionBlock,
  type TcpFunctionInfo,
  type TcpFunctions,
} from './functions.ts';
export { SEG_HAS_FIN, SEG_LOST, SEG_SACKED, SEG_TSO, type SendMap, type SentSegment } from './sendmap.ts';
export { type HelpedTcpcb, type TcpHhookData, TF_NOOPT, TF_TSO } from './hhook.ts';
export { TCP_CONNS, type TcpConns, TcpConnStat } from './connstat.ts';
export { TCP_KPI, type TcpKpi, type TcpMd5 } from './md5.ts';
