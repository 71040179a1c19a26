import {
  BPF_A,
  BPF_ABS,
  BPF_ADD,
  BPF_ALU,
  BPF_AND,
  BPF_B,
  BPF_DIV,
  BPF_H,
  BPF_IMM,
  BPF_IND,
  BPF_JA,
  BPF_JEQ,
  BPF_JGE,
  BPF_JGT,
  BPF_JMP,
  BPF_JSET,
  BPF_K,
  BPF_LD,
  BPF_LDX,
  BPF_LEN,
  BPF_LSH,
  BPF_MAXINSNS,
  BPF_MEM,
  BPF_MEMWORDS,
  BPF_MISC,
  BPF_MOD,
  BPF_MSH,
  BPF_MUL,
  BPF_NEG,
  BPF_OR,
  BPF_RET,
  BPF_RSH,
  BPF_ST,
  BPF_STX,
  BPF_SUB,
  BPF_TAX,
  BPF_TXA,
  BPF_W,
  BPF_X,
  BPF_XOR,
  type BpfInsn,
} from './insn.ts';

/**
 * Whether a program may be run: not empty and not too long, only known instructions, jumps forward and inside, memory inside, no division by a constant 0, and a
 * return at the end. Source: FreeBSD bpf_filter.c, bpf_validate().
 * @public
 */
export function bpfValidate(insns: readonly BpfInsn[]): boolean {
  const n = insns.length;
  if (n < 1 || n > BPF_MAXINSNS) return false;
  for (let i = 0; i < n; i++) if (!validInsn(insns[i] as BpfInsn, i, n)) return false;
  return ((insns[n - 1] as BpfInsn).code & 0x07) === BPF_RET;
}

function validInsn(p: BpfInsn, at: number, n: number): boolean {
  const k = p.k >>> 0;
  const room = n - at - 1;
  switch (p.code) {
    case BPF_LD | BPF_W | BPF_ABS:
    case BPF_LD | BPF_H | BPF_ABS:
    case BPF_LD | BPF_B | BPF_ABS:
    case BPF_LD | BPF_W | BPF_IND:
    case BPF_LD | BPF_H | BPF_IND:
    case BPF_LD | BPF_B | BPF_IND:
    case BPF_LD | BPF_W | BPF_LEN:
    case BPF_LD | BPF_IMM:
    case BPF_LDX | BPF_IMM:
    case BPF_LDX | BPF_W | BPF_LEN:
    case BPF_LDX | BPF_B | BPF_MSH:
    case BPF_MISC | BPF_TAX:
    case BPF_MISC | BPF_TXA:
    case BPF_RET | BPF_K:
    case BPF_RET | BPF_A:
    case BPF_ALU | BPF_NEG:
      return true;
    case BPF_LD | BPF_MEM:
    case BPF_LDX | BPF_MEM:
    case BPF_ST:
    case BPF_STX:
      return k < BPF_MEMWORDS;
    case BPF_JMP | BPF_JA:
      return k < room;
    case BPF_ALU | BPF_DIV | BPF_K:
    case BPF_ALU | BPF_MOD | BPF_K:
      return k !== 0;
    default:
      break;
  }
  const cls = p.code & 0x07;
  if ((p.code & ~0xff) !== 0) return false;
  if (cls === BPF_ALU) return isAluOp(p.code & 0xf0);
  if (cls !== BPF_JMP) return false;
  const op = p.code & 0xf0;
  return (op === BPF_JEQ || op === BPF_JGT || op === BPF_JGE || op === BPF_JSET) && p.jt >= 0 && p.jt < room && p.jf >= 0 && p.jf < room;
}

function isAluOp(op: number): boolean {
  return (
    op === BPF_ADD || op === BPF_SUB || op === BPF_MUL || op === BPF_DIV || op === BPF_OR || op === BPF_AND || op === BPF_LSH || op === BPF_RSH || op === BPF_MOD || op === BPF_XOR
  );
}

/**
 * A program that has been found valid, ready to run. Allocates nothing when it runs.
 * @public
 */
export class BpfProgram {
  /** Instructions. */
  readonly length: number;
  private readonly code: Uint16Array;
  private readonly jt: Uint8Array;
  private readonly jf: Uint8Array;
  private readonly k: Uint32Array;
  private readonly mem: Uint32Array;

  private constructor(insns: readonly BpfInsn[]) {
    const n = insns.length;
    this.length = n;
    this.code = Uint16Array.from(insns, (p) => p.code);
    this.jt = Uint8Array.from(insns, (p) => p.jt);
    this.jf = Uint8Array.from(insns, (p) => p.jf);
    this.k = Uint32Array.from(insns, (p) => p.k >>> 0);
    this.mem = new Uint32Array(BPF_MEMWORDS);
  }

  /** The program, or null if it is not valid. */
  static of(insns: readonly BpfInsn[]): BpfProgram | null {
    return bpfValidate(insns) ? new BpfProgram(insns) : null;
  }

  /**
   * Runs over the packet in `dv` from its byte 0.
   *
   * @param wirelen - length of the packet
   * @param buflen - bytes of it that are there
   * @returns how many bytes to keep, 0 for none (also when the program reads behind what is there); up to 2^32 - 1
   * Source: FreeBSD bpf_filter.c, bpf_filter().
   */
  run(dv: DataView, wirelen: number, buflen: number): number {
    const { code, jt, jf, k, mem } = this;
    mem.fill(0);
    let a = 0;
    let x = 0;
    for (let pc = 0; pc < this.length; pc++) {
      const op = code[pc] as number;
      const imm = k[pc] as number;
      switch (op & 0x07) {
        case BPF_LD: {
          const mode = op & 0xe0;
          if (mode === BPF_IMM) a = imm;
          else if (mode === BPF_LEN) a = wirelen;
          else if (mode === BPF_MEM) a = mem[imm] as number;
          else {
            const off = mode === BPF_IND ? x + imm : imm;
            const size = op & 0x18;
            const bytes = size === BPF_W ? 4 : size === BPF_H ? 2 : 1;
            // x + imm is exact: both are below 2^32.
            if (off + bytes > buflen) return 0;
            a = size === BPF_W ? dv.getUint32(off) : size === BPF_H ? dv.getUint16(off) : dv.getUint8(off);
          }
          break;
        }
        case BPF_LDX: {
          const mode = op & 0xe0;
          if (mode === BPF_IMM) x = imm;
          else if (mode === BPF_LEN) x = wirelen;
          else if (mode === BPF_MEM) x = mem[imm] as number;
          else {
            if (imm >= buflen) return 0;
            x = (dv.getUint8(imm) & 0xf) << 2;
          }
          break;
        }
        case BPF_ST:
          mem[imm] = a;
          break;
        case BPF_STX:
          mem[imm] = x;
          break;
        case BPF_ALU: {
          const operand = (op & BPF_X) !== 0 ? x : imm;
          const what = op & 0xf0;
          if (operand === 0 && (what === BPF_DIV || what === BPF_MOD)) return 0;
          a = alu(what, a, operand);
          break;
        }
        case BPF_JMP: {
          if ((op & 0xf0) === BPF_JA) pc += imm;
          else pc += holds(op & 0xf0, a, (op & BPF_X) !== 0 ? x : imm) ? (jt[pc] as number) : (jf[pc] as number);
          break;
        }
        case BPF_RET:
          return (op & 0x18) === BPF_A ? a : imm;
        default:
          if (op === (BPF_MISC | BPF_TAX)) x = a;
          else a = x;
          break;
      }
    }
    return 0;
  }
}

/** A after an operation, modulo 2^32; all numbers are unsigned. */
function alu(op: number, a: number, b: number): number {
  switch (op) {
    case BPF_ADD:
      return (a + b) >>> 0;
    case BPF_SUB:
      return (a - b) >>> 0;
    case BPF_MUL:
      return Math.imul(a, b) >>> 0;
    case BPF_DIV:
      return Math.floor(a / b);
    case BPF_MOD:
      return a % b;
    case BPF_OR:
      return (a | b) >>> 0;
    case BPF_AND:
      return (a & b) >>> 0;
    case BPF_XOR:
      return (a ^ b) >>> 0;
    case BPF_LSH:
      return b > 31 ? 0 : (a << b) >>> 0;
    case BPF_RSH:
      return b > 31 ? 0 : a >>> b;
    default:
      return -a >>> 0; // BPF_NEG
  }
}

function holds(op: number, a: number, b: number): boolean {
  return op === BPF_JEQ ? a === b : op === BPF_JGT ? a > b : op === BPF_JGE ? a >= b : (a & b) !== 0;
}
