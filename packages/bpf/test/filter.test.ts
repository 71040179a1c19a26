import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
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
  BPF_MEM,
  BPF_MISC,
  BPF_MOD,
  BPF_MSH,
  BPF_MUL,
  BPF_NEG,
  BPF_OR,
  BPF_RET,
  BPF_A,
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
  bpfJump,
  BpfProgram,
  bpfStmt,
  bpfValidate,
} from '@ns/bpf';

const S = bpfStmt;
const J = bpfJump;
const RET_A = S(BPF_RET | BPF_A, 0);

function run(insns: readonly BpfInsn[], bytes: readonly number[] = [], wirelen = bytes.length): number {
  const p = BpfProgram.of(insns);
  if (p === null) throw new Error('not valid');
  return p.run(new DataView(Uint8Array.from(bytes).buffer), wirelen, bytes.length);
}

/** `tcp port 80` over Ethernet and IPv4, as tcpdump compiles it. */
const TCP_PORT_80: readonly BpfInsn[] = [
  S(BPF_LD | BPF_H | BPF_ABS, 12),
  J(BPF_JMP | BPF_JEQ | BPF_K, 0x0800, 0, 10),
  S(BPF_LD | BPF_B | BPF_ABS, 23),
  J(BPF_JMP | BPF_JEQ | BPF_K, 6, 0, 8),
  S(BPF_LD | BPF_H | BPF_ABS, 20),
  J(BPF_JMP | BPF_JSET | BPF_K, 0x1fff, 6, 0),
  S(BPF_LDX | BPF_B | BPF_MSH, 14),
  S(BPF_LD | BPF_H | BPF_IND, 14),
  J(BPF_JMP | BPF_JEQ | BPF_K, 80, 2, 0),
  S(BPF_LD | BPF_H | BPF_IND, 16),
  J(BPF_JMP | BPF_JEQ | BPF_K, 80, 0, 1),
  S(BPF_RET | BPF_K, 262144),
  S(BPF_RET | BPF_K, 0),
];

function tcp(sport: number, dport: number, ihl = 5): number[] {
  const b = new Array<number>(14 + ihl * 4 + 20).fill(0);
  b[12] = 8;
  b[14] = 0x40 | ihl;
  b[23] = 6;
  const th = 14 + ihl * 4;
  b[th] = sport >> 8;
  b[th + 1] = sport & 0xff;
  b[th + 2] = dport >> 8;
  b[th + 3] = dport & 0xff;
  return b;
}

describe('the filter machine', () => {
  it('selects as tcpdump would', () => {
    expect(run(TCP_PORT_80, tcp(80, 1024))).toBe(262144);
    expect(run(TCP_PORT_80, tcp(1024, 80))).toBe(262144);
    expect(run(TCP_PORT_80, tcp(1024, 80, 15))).toBe(262144);
    expect(run(TCP_PORT_80, tcp(1024, 81))).toBe(0);
    const udp = tcp(80, 80);
    udp[23] = 17;
    expect(run(TCP_PORT_80, udp)).toBe(0);
    const fragment = tcp(80, 80);
    fragment[21] = 1;
    expect(run(TCP_PORT_80, fragment)).toBe(0);
    expect(run(TCP_PORT_80, tcp(80, 80).slice(0, 20))).toBe(0); // read behind what is there
  });

  it.each([
    ['ADD', BPF_ADD, 0xffffffff, 2, 1],
    ['SUB', BPF_SUB, 1, 2, 0xffffffff],
    ['MUL', BPF_MUL, 0x80000001, 3, 0x80000003],
    ['DIV', BPF_DIV, 0xffffffff, 2, 0x7fffffff],
    ['MOD', BPF_MOD, 0xffffffff, 10, 5],
    ['OR', BPF_OR, 0x80000000, 1, 0x80000001],
    ['AND', BPF_AND, 0xffffffff, 0x80000000, 0x80000000],
    ['XOR', BPF_XOR, 0xffffffff, 0x7fffffff, 0x80000000],
    ['LSH', BPF_LSH, 3, 31, 0x80000000],
    ['LSH by 32', BPF_LSH, 3, 32, 0],
    ['RSH', BPF_RSH, 0x80000000, 31, 1],
    ['RSH by 40', BPF_RSH, 0x80000000, 40, 0],
  ])('%s is modulo 2^32, by constant and by X', (_name, op, a, b, want) => {
    expect(run([S(BPF_LD | BPF_IMM, a), S(BPF_ALU | op | BPF_K, b), RET_A])).toBe(want);
    expect(run([S(BPF_LDX | BPF_IMM, b), S(BPF_LD | BPF_IMM, a), S(BPF_ALU | op | BPF_X, 0), RET_A])).toBe(want);
  });

  it('negates, keeps memory, moves between registers, knows the length', () => {
    expect(run([S(BPF_LD | BPF_IMM, 1), S(BPF_ALU | BPF_NEG, 0), RET_A])).toBe(0xffffffff);
    expect(run([S(BPF_LD | BPF_IMM, 7), S(BPF_ST, 15), S(BPF_LD | BPF_IMM, 0), S(BPF_LD | BPF_MEM, 15), RET_A])).toBe(7);
    expect(run([S(BPF_LDX | BPF_IMM, 9), S(BPF_STX, 0), S(BPF_LDX | BPF_IMM, 0), S(BPF_LDX | BPF_MEM, 0), S(BPF_MISC | BPF_TXA, 0), RET_A])).toBe(9);
    expect(run([S(BPF_LD | BPF_W | BPF_LEN, 0), S(BPF_MISC | BPF_TAX, 0), S(BPF_LD | BPF_IMM, 1), S(BPF_ALU | BPF_ADD | BPF_X, 0), RET_A], [1, 2], 100)).toBe(101);
    expect(run([S(BPF_LDX | BPF_W | BPF_LEN, 0), S(BPF_MISC | BPF_TXA, 0), RET_A], [], 55)).toBe(55);
  });

  it('compares unsigned and jumps', () => {
    const big = (op: number, k: number): number =>
      run([S(BPF_LD | BPF_IMM, 0x80000000), J(BPF_JMP | op | BPF_K, k, 0, 1), S(BPF_RET | BPF_K, 1), S(BPF_RET | BPF_K, 0)]);
    expect([big(BPF_JGT, 1), big(BPF_JGE, 0x80000000), big(BPF_JEQ, 0x80000000), big(BPF_JSET, 0x80000000), big(BPF_JSET, 1), big(BPF_JGT, 0x80000000)]).toEqual([1, 1, 1, 1, 0, 0]);
    expect(run([S(BPF_JMP | BPF_JA, 1), S(BPF_RET | BPF_K, 1), S(BPF_RET | BPF_K, 2)])).toBe(2);
    expect(run([S(BPF_LDX | BPF_IMM, 5), S(BPF_LD | BPF_IMM, 5), J(BPF_JMP | BPF_JEQ | BPF_X, 0, 0, 1), S(BPF_RET | BPF_K, 3), S(BPF_RET | BPF_K, 4)])).toBe(3);
  });

  it('gives 0 for division by an X of 0 and for reads behind the end', () => {
    expect(run([S(BPF_LD | BPF_IMM, 1), S(BPF_ALU | BPF_DIV | BPF_X, 0), S(BPF_RET | BPF_K, 9)])).toBe(0);
    expect(run([S(BPF_LD | BPF_W | BPF_ABS, 1), S(BPF_RET | BPF_K, 9)], [1, 2, 3, 4])).toBe(0);
    expect(run([S(BPF_LDX | BPF_IMM, 0xffffffff), S(BPF_LD | BPF_B | BPF_IND, 2), S(BPF_RET | BPF_K, 9)], [1, 2, 3, 4])).toBe(0);
    expect(run([S(BPF_LDX | BPF_B | BPF_MSH, 4), S(BPF_RET | BPF_K, 9)], [1, 2, 3, 4])).toBe(0);
  });
});

describe('validation', () => {
  it.each([
    ['empty', []],
    ['no return', [S(BPF_LD | BPF_IMM, 1)]],
    ['unknown code', [S(0xffff, 0), S(BPF_RET | BPF_K, 0)]],
    ['load of an unknown size', [S(BPF_LD | 0x18 | BPF_ABS, 0), S(BPF_RET | BPF_K, 0)]],
    ['jump behind the end', [J(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0), S(BPF_RET | BPF_K, 0)]],
    ['jump far behind the end', [S(BPF_JMP | BPF_JA, 0xffffffff), S(BPF_RET | BPF_K, 0)]],
    ['memory out of range', [S(BPF_LD | BPF_MEM, 16), S(BPF_RET | BPF_K, 0)]],
    ['store out of range', [S(BPF_STX, 16), S(BPF_RET | BPF_K, 0)]],
    ['division by 0', [S(BPF_ALU | BPF_DIV | BPF_K, 0), S(BPF_RET | BPF_K, 0)]],
    ['modulo 0', [S(BPF_ALU | BPF_MOD | BPF_K, 0), S(BPF_RET | BPF_K, 0)]],
    ['too long', new Array(513).fill(S(BPF_RET | BPF_K, 0))],
  ] as [string, BpfInsn[]][])('refuses a program that is: %s', (_name, insns) => {
    expect(bpfValidate(insns)).toBe(false);
    expect(BpfProgram.of(insns)).toBeNull();
  });

  it('what it lets through always ends, and never reads outside', () => {
    const code = fc.oneof(fc.nat(0xff), fc.constantFrom(...TCP_PORT_80.map((i) => i.code)));
    const insn = fc.record({ code, jt: fc.nat(6), jf: fc.nat(6), k: fc.oneof(fc.nat(40), fc.constantFrom(0xffffffff, 0x80000000)) });
    let valid = 0;
    fc.assert(
      fc.property(fc.array(insn, { maxLength: 12 }), fc.uint8Array({ maxLength: 60 }), (body, bytes) => {
        const program = BpfProgram.of([...body, S(BPF_RET | BPF_A, 0)]);
        if (program === null) return;
        valid++;
        const got = program.run(new DataView(bytes.buffer, bytes.byteOffset, bytes.length), bytes.length, bytes.length);
        expect(got).toBeGreaterThanOrEqual(0);
        expect(got).toBeLessThan(2 ** 32);
        expect(Number.isInteger(got)).toBe(true);
      }),
      { numRuns: 3000, seed: 20 },
    );
    expect(valid).toBeGreaterThan(100);
  });
});
