import { inpcb } from '@ns/inpcb';
import { Kernel, virtualHost } from '@ns/kern';
import { netisr } from '@ns/netisr';
import { socket } from '@ns/socket';
import { udp } from '@ns/udp';
import { UDP_KPI } from '@ns/udp-kpi';
import { describe, expect, it } from 'vitest';

describe('the service', () => {
  it('comes and goes with UDP', () => {
    const kernel = new Kernel(virtualHost());
    expect(kernel.tryService(UDP_KPI)).toBeNull();
    expect(kernel.kldload(udp(), [socket(), inpcb(), netisr()]).errno).toBe(0);
    expect(kernel.tryService(UDP_KPI)).not.toBeNull();
    expect(kernel.kldunload('udp').errno).toBe(0);
    expect(kernel.tryService(UDP_KPI)).toBeNull();
    expect(kernel.shutdown()).toEqual({ leftovers: [], problems: [] });
  });
});
