/**
 * A lab for network stacks in virtual time, and conformance suites for those who write drivers, congestion control and policies.
 *
 * {@link lab} joins two stacks by a simulated link with delay, bandwidth, a queue, loss, reordering, duplication and damage, all from a seed; {@link labLink} is that link
 * as a driver of its own. Neighbours: `stack` boots what runs in a lab.
 *
 * ```ts
 * import { lab } from '@ns/testkit';
 *
 * const l = lab({ seed: 7, link: { delayUs: 5000, bandwidth: 10_000_000, loss: 0.01 } });
 * const r = l.transfer(1 << 20); // through real sockets; every byte is checked
 * r.problem; // => ''
 * r.goodput > 1_000_000; // => true: bits a second; and retransmits, timeouts ...
 * l.finish(); // => [] : every jail clean, no mbuf out, ledgers empty
 * ```
 * @packageDocumentation
 */
export { LabCapture } from './capture.ts';
export { type EndpointPlan, LabEndpoint } from './endpoint.ts';
export { Lab, lab, type LabConnection, type LabConnectOptions, type LabOptions, LabSide, type LabSideName } from './lab.ts';
export { LAB_CAPS, LAB_DRIVER, LabLink, labLinkAttach, labLinkOf, type LabPlace } from './link.ts';
export { labLink } from './link-module.ts';
export { type LabFrame, type LabLinkOptions, type LabPathOptions, LabPathStats } from './link-options.ts';
export { LabPath } from './path.ts';
export { Pattern } from './pattern.ts';
export type { SuiteMatchers, SuiteRunner } from './suites/api.ts';
export { type CcAlgoUnderTest, ccAlgoSuite } from './suites/cc.ts';
export { ifnetDriverSuite } from './suites/driver.ts';
export type { IfnetDriverUnderTest } from './suites/driver-rig.ts';
export { macPolicySuite, type MacPolicyUnderTest } from './suites/mac.ts';
export { netstackSuite } from './suites/netstack.ts';
export type { NetstackBooted, NetstackUnderTest } from './suites/netstack-rig.ts';
export { type TcpFrame, tcpFrame } from './tcp-frame.ts';
export { LabTransfer, type LabTransferOptions, type LabTransferReport } from './transfer.ts';
