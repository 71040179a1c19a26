/*
 * Routes: flags, message types, tables.
 *
 * Source: FreeBSD net/route.h.
 */

/** The routing table that everything uses unless told otherwise. @public */
export const RT_DEFAULT_FIB = 0;
/** All routing tables. @public */
export const RT_ALL_FIBS: number = -1;
/** Most routing tables of a kernel (net.fibs). @public */
export const RT_MAXFIBS = 65535;

/** Route is usable. @public */
export const RTF_UP = 0x1;
/** Destination is behind a gateway. @public */
export const RTF_GATEWAY = 0x2;
/** A host, not a network. @public */
export const RTF_HOST = 0x4;
/** Discards and says so: host or network unreachable. @public */
export const RTF_REJECT = 0x8;
/** Created by a redirect. @public */
export const RTF_DYNAMIC = 0x10;
/** Modified by a redirect. @public */
export const RTF_MODIFIED = 0x20;
/** Message confirmed (routing messages only). @public */
export const RTF_DONE = 0x40;
/** Resolved by an external program. @public */
export const RTF_XRESOLVE = 0x200;
/** Link-layer information (shown of neighbours). @public */
export const RTF_LLINFO = 0x400;
/** Added by an administrator. @public */
export const RTF_STATIC = 0x800;
/** Discards without a word. @public */
export const RTF_BLACKHOLE = 0x1000;
/** Protocol-specific flag 2. @public */
export const RTF_PROTO2 = 0x4000;
/** Protocol-specific flag 1. @public */
export const RTF_PROTO1 = 0x8000;
/** Protocol-specific flag 3. @public */
export const RTF_PROTO3 = 0x40000;
/** MTU was given and is not that of the interface. @public */
export const RTF_FIXEDMTU = 0x80000;
/** Belongs to an interface address: not replaced, deleted only with it. @public */
export const RTF_PINNED = 0x100000;
/** An address of this system. @public */
export const RTF_LOCAL = 0x200000;
/** A broadcast address. @public */
export const RTF_BROADCAST = 0x400000;
/** A multicast address. @public */
export const RTF_MULTICAST = 0x800000;
/** Always keep the route to its destination when it has several. @public */
export const RTF_STICKY = 0x10000000;

/** Route added. @public */
export const RTM_ADD = 1;
/** Route deleted. @public */
export const RTM_DELETE = 2;
/** Next hop, metrics or flags changed. @public */
export const RTM_CHANGE = 3;
/** Report of a route. @public */
export const RTM_GET = 4;
/** Changed by a redirect. @public */
export const RTM_REDIRECT = 6;

/** Letters of the Flags column of `netstat -r`, in FreeBSD's order. */
const FLAG_LETTERS: readonly (readonly [number, string])[] = [
  [RTF_UP, 'U'],
  [RTF_GATEWAY, 'G'],
  [RTF_HOST, 'H'],
  [RTF_REJECT, 'R'],
  [RTF_DYNAMIC, 'D'],
  [RTF_MODIFIED, 'M'],
  [RTF_DONE, 'd'],
  [RTF_XRESOLVE, 'X'],
  [RTF_STATIC, 'S'],
  [RTF_PROTO1, '1'],
  [RTF_PROTO2, '2'],
  [RTF_PROTO3, '3'],
  [RTF_BLACKHOLE, 'B'],
  [RTF_BROADCAST, 'b'],
  [RTF_LLINFO, 'L'],
];

/** Names of the flags as route(8) prints them, in FreeBSD's order. */
const FLAG_NAMES: readonly (readonly [number, string])[] = [
  [RTF_UP, 'UP'],
  [RTF_GATEWAY, 'GATEWAY'],
  [RTF_HOST, 'HOST'],
  [RTF_REJECT, 'REJECT'],
  [RTF_DYNAMIC, 'DYNAMIC'],
  [RTF_MODIFIED, 'MODIFIED'],
  [RTF_DONE, 'DONE'],
  [RTF_XRESOLVE, 'XRESOLVE'],
  [RTF_LLINFO, 'LLINFO'],
  [RTF_STATIC, 'STATIC'],
  [RTF_BLACKHOLE, 'BLACKHOLE'],
  [RTF_PROTO2, 'PROTO2'],
  [RTF_PROTO1, 'PROTO1'],
  [RTF_PROTO3, 'PROTO3'],
  [RTF_FIXEDMTU, 'FIXEDMTU'],
  [RTF_PINNED, 'PINNED'],
  [RTF_LOCAL, 'LOCAL'],
  [RTF_BROADCAST, 'BROADCAST'],
  [RTF_MULTICAST, 'MULTICAST'],
  [RTF_STICKY, 'STICKY'],
];

/** The Flags column of `netstat -r`: `UGS`, `UHS`. @public */
export function rtFlagLetters(flags: number): string {
  let s = '';
  for (const [bit, letter] of FLAG_LETTERS) if ((flags & bit) !== 0) s += letter;
  return s;
}

/** The flags as `route get` prints them: `<UP,GATEWAY,STATIC>`. @public */
export function rtFlagNames(flags: number): string {
  return `<${FLAG_NAMES.filter(([bit]) => (flags & bit) !== 0)
    .map(([, name]) => name)
    .join(',')}>`;
}
