import { BPF_ABS, BPF_B, BPF_H, BPF_IND, BPF_JEQ, BPF_JGE, BPF_JGT, BPF_JMP, BPF_JSET, BPF_K, BPF_LD, BPF_MAXINSNS, BPF_RET, BPF_W, type BpfInsn, bpfJump, bpfStmt } from '@ns/bpf';

/** A place in a program that is not known yet. */
export class Label {
  at = -1;
}

interface Pending {
  readonly code: number;
  readonly k: number;
  readonly t: Label | null;
  readonly f: Label | null;
}

/** Emits the instructions of a filter; conditional jumps go forward to labels. */
export class Asm {
  private readonly insns: Pending[] = [];

  stmt(code: number, k: number): void {
    this.insns.push({ code, k, t: null, f: null });
  }

  /** Loads from the packet at `off`, or at X + `off`. */
  load(size: 1 | 2 | 4, off: number, indexed: boolean = false): void {
    this.stmt(BPF_LD | (size === 4 ? BPF_W : size === 2 ? BPF_H : BPF_B) | (indexed ? BPF_IND : BPF_ABS), off);
  }

  jump(op: number, k: number, t: Label, f: Label): void {
    this.insns.push({ code: BPF_JMP | op | BPF_K, k, t, f });
  }

  jeq(k: number, t: Label, f: Label): void {
    this.jump(BPF_JEQ, k, t, f);
  }

  jgt(k: number, t: Label, f: Label): void {
    this.jump(BPF_JGT, k, t, f);
  }

  jge(k: number, t: Label, f: Label): void {
    this.jump(BPF_JGE, k, t, f);
  }

  jset(k: number, t: Label, f: Label): void {
    this.jump(BPF_JSET, k, t, f);
  }

  place(label: Label): void {
    label.at = this.insns.length;
  }

  /** The program; null if it is too long for the machine, or a jump too wide. */
  finish(): BpfInsn[] | null {
    if (this.insns.length > BPF_MAXINSNS) return null;
    const out: BpfInsn[] = [];
    for (const [i, p] of this.insns.entries()) {
      if (p.t === null || p.f === null) {
        out.push(bpfStmt(p.code, p.k));
        continue;
      }
      const [jt, jf] = [p.t.at - i - 1, p.f.at - i - 1];
      if (jt < 0 || jf < 0 || jt > 255 || jf > 255) return null;
      out.push(bpfJump(p.code, p.k, jt, jf));
    }
    return out;
  }
}

/** Emits a test that goes to `t` if it holds, else to `f`. Both come later in the program. */
export type Test = (asm: Asm, t: Label, f: Label) => void;

export const and = (...tests: readonly Test[]): Test =>
  tests.reduce((a, b) => (asm, t, f) => {
    const next = new Label();
    a(asm, next, f);
    asm.place(next);
    b(asm, t, f);
  });

export const or = (...tests: readonly Test[]): Test =>
  tests.reduce((a, b) => (asm, t, f) => {
    const next = new Label();
    a(asm, t, next);
    asm.place(next);
    b(asm, t, f);
  });

export const not =
  (test: Test): Test =>
  (asm, t, f) => {
    test(asm, f, t);
  };

/** The program of a test: keep `snaplen` bytes of what it lets through. */
export function program(test: Test, snaplen: number): BpfInsn[] | null {
  const asm = new Asm();
  const [t, f] = [new Label(), new Label()];
  test(asm, t, f);
  asm.place(t);
  asm.stmt(BPF_RET | BPF_K, snaplen);
  asm.place(f);
  asm.stmt(BPF_RET | BPF_K, 0);
  return asm.finish();
}
