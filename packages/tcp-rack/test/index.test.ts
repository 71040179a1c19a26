import { describe, expect, it } from 'vitest';
import * as entry from '@ns/tcp-rack';

describe('@ns/tcp-rack', () => {
  it('exports something', () => {
    expect(Object.keys(entry)).not.toEqual([]); // replace with a test of the first export
  });
});
