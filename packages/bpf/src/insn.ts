/*
 * Instructions of the classic packet filter machine. Values are FreeBSD's net/bpf.h; McCanne and Jacobson, "The BSD Packet Filter", 1993.
 */

/** Class: load into A. @public */
export const BPF_LD = 0x00;
/** Class: load into X. @public */
export const BPF_LDX = 0x01;
/** Class: store A. @public */
export const BPF_ST = 0x02;
/** Class: store X. @public */
export const BPF_STX = 0x03;
/** Class: arithmetic on A. @public */
export const BPF_ALU = 0x04;
/** Class: jump. @public */
export const BPF_JMP = 0x05;
/** Class: return. @public */
export const BPF_RET = 0x06;
/** Class: between registers. @public */
export const BPF_MISC = 0x07;

/** Size: 32 bits. @public */
export const BPF_W = 0x00;
/** Size: 16 bits. @public */
export const BPF_H = 0x08;
/** Size: 8 bits. @public */
export const BPF_B = 0x10;

/** Mode: constant. @public */
export const BPF_IMM = 0x00;
/** Mode: packet at k. @public */
export const BPF_ABS = 0x20;
/** Mode: packet at X + k. @public */
export const BPF_IND = 0x40;
/** Mode: scratch memory. @public */
export const BPF_MEM = 0x60;
/** Mode: length of the packet. @public */
export const BPF_LEN = 0x80;
/** Mode: 4 * (low nibble of the byte at k): an IPv4 header's length. @public */
export const BPF_MSH = 0xa0;

/** Operation: A + operand. @public */
export const BPF_ADD = 0x00;
/** Operation: A - operand. @public */
export const BPF_SUB = 0x10;
/** Operation: A * operand. @public */
export const BPF_MUL = 0x20;
/** Operation: A / operand. @public */
export const BPF_DIV = 0x30;
/** Operation: A | operand. @public */
export const BPF_OR = 0x40;
/** Operation: A & operand. @public */
export const BPF_AND = 0x50;
/** Operation: A shifted left. @public */
export const BPF_LSH = 0x60;
/** Operation: A shifted right. @public */
export const BPF_RSH = 0x70;
/** Operation: -A. @public */
export const BPF_NEG = 0x80;
/** Operation: A modulo operand. @public */
export const BPF_MOD = 0x90;
/** Operation: A ^ operand. @public */
export const BPF_XOR = 0xa0;

/** Jump: always, by k. @public */
export const BPF_JA = 0x00;
/** Jump: A == operand. @public */
export const BPF_JEQ = 0x10;
/** Jump: A > operand, unsigned. @public */
export const BPF_JGT = 0x20;
/** Jump: A >= operand, unsigned. @public */
export const BPF_JGE = 0x30;
/** Jump: A & operand is not 0. @public */
export const BPF_JSET = 0x40;

/** Source: k. @public */
export const BPF_K = 0x00;
/** Source: X. @public */
export const BPF_X = 0x08;
/** Return value: A. @public */
export const BPF_A = 0x10;
/** A to X. @public */
export const BPF_TAX = 0x00;
/** X to A. @public */
export const BPF_TXA = 0x80;

/** Most instructions of a program. @public */
export const BPF_MAXINSNS = 512;
/** Words of scratch memory. @public */
export const BPF_MEMWORDS = 16;

/** One instruction. Source: FreeBSD struct bpf_insn. @public */
export interface BpfInsn {
  /** Class, size, mode, operation: BPF_* combined. */
  readonly code: number;
  /** Instructions to skip if the condition holds. */
  readonly jt: number;
  /** Instructions to skip if it does not. */
  readonly jf: number;
  /** Constant, taken modulo 2^32. */
  readonly k: number;
}

/** An instruction without jump. @public */
export function bpfStmt(code: number, k: number): BpfInsn {
  return { code, jt: 0, jf: 0, k };
}

/** A conditional jump. @public */
export function bpfJump(code: number, k: number, jt: number, jf: number): BpfInsn {
  return { code, jt, jf, k };
}
