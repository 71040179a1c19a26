import { netstackHost } from '@ns/netstack-host';
import { createStack, defaultModules } from '@ns/stack';
import { type NetstackBooted, netstackSuite } from '@ns/testkit';
import { describe, expect, it } from 'vitest';

function boot(host: boolean): NetstackBooted {
  const stack = createStack(host ? { modules: [...defaultModules().filter((m) => m.name !== 'netstack_bsd'), netstackHost()] } : {});
  stack.host.addAddress('lo0', '127.0.0.1/8');
  return { kernel: stack.kernel, cred: stack.host.cred };
}

netstackSuite({ describe, it, expect }, 'bsd', { netstack: 'bsd', boot: () => boot(false) });
netstackSuite({ describe, it, expect }, 'host', { netstack: 'host', boot: () => boot(true) });
