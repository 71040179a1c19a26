import { beforeAll, describe, it, vi } from 'vitest';

beforeAll(() => {
  vi.spyOn(console, 'log').mockImplementation(() => {});
});

describe('the code of a guide runs, and does what its comments say', () => {
  it('V16 writing-a-module.md', async () => {
    await import('../writing-a-module.md?example&lang.ts');
  });

  it('V16 writing-a-filter.md', async () => {
    await import('../writing-a-filter.md?example&lang.ts');
  });

  it('V16 jails.md', async () => {
    await import('../jails.md?example&lang.ts');
  });

  it('V16 composing-a-stack.md', async () => {
    await import('../composing-a-stack.md?example&lang.ts');
  });
});
