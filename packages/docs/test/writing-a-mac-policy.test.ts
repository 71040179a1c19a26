import { fileURLToPath } from 'node:url';
import { it } from 'vitest';

const page = fileURLToPath(new URL('../writing-a-mac-policy.md', import.meta.url));

it('the code of the guide to policies runs, and does what its comments say', async () => {
  await import(`${page}?example&lang.ts`);
});
