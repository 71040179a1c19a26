/*
 * Flags and types of a variable, with FreeBSD's values. Source: FreeBSD sys/sysctl.h.
 */

/** May be read. @public */
export const CTLFLAG_RD = 0x80000000;
/** May be written. @public */
export const CTLFLAG_WR = 0x40000000;
/** May be read and written. @public */
export const CTLFLAG_RW = 0xc0000000;
/** Anybody may write it, not only the superuser. @public */
export const CTLFLAG_ANYBODY = 0x10000000;
/** Not writable at a raised secure level; kept for its name, this system has one level. @public */
export const CTLFLAG_SECURE = 0x08000000;
/** The superuser of any jail may write it. @public */
export const CTLFLAG_PRISON = 0x04000000;
/** Left out of walks over the tree (`sysctl -a`), found by its name only. @public */
export const CTLFLAG_SKIP = 0x01000000;
/** Takes its first value from the boot tunable of the same name. @public */
export const CTLFLAG_TUN = 0x00080000;
/** Read only, but takes its value from a boot tunable. @public */
export const CTLFLAG_RDTUN = 0x80080000;
/** Readable and writable, and takes its first value from a boot tunable. @public */
export const CTLFLAG_RWTUN = 0xc0080000;
/** Needs no giant lock; kept for its name, there are no locks. @public */
export const CTLFLAG_MPSAFE = 0x00040000;
/** One value in each virtual stack; the superuser of a jail that owns its stack may write it. @public */
export const CTLFLAG_VNET = 0x00020000;
/** A counter or a gauge, not a setting. @public */
export const CTLFLAG_STATS = 0x00002000;
/** The module fetches the boot tunable itself; the tree does not. @public */
export const CTLFLAG_NOFETCH = 0x00001000;

/** Inner node. @public */
export const CTLTYPE_NODE = 1;
/** Signed 32-bit integer. @public */
export const CTLTYPE_INT = 2;
/** Text. @public */
export const CTLTYPE_STRING = 3;
/** Signed 64-bit integer. @public */
export const CTLTYPE_S64 = 4;
/** Structure, see `SysctlDecl.format`. @public */
export const CTLTYPE_OPAQUE = 5;
/** Unsigned 32-bit integer. @public */
export const CTLTYPE_UINT = 6;
/** `long`, 64 bits. @public */
export const CTLTYPE_LONG = 7;
/** `unsigned long`, 64 bits. @public */
export const CTLTYPE_ULONG = 8;
/** Unsigned 64-bit integer. @public */
export const CTLTYPE_U64 = 9;
/** Unsigned 8-bit integer: what a boolean is exported as. @public */
export const CTLTYPE_U8 = 10;
