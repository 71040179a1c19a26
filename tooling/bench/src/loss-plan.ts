/** The links of `bench loss`: rate in Mbit/s, round trip in ms, share of frames lost in each direction. */
export const RATES = [10, 100, 1000] as const;
export const RTTS = [1, 20, 200] as const;
export const LOSSES = [0, 0.001, 0.01, 0.03] as const;
/** TCP's function blocks that are compared. */
export const BLOCKS = ['freebsd', 'rack'] as const;

/** Name of the variant that measures all losses of one link. */
export const linkName = (mbit: number, rttMs: number): string => `${mbit}M-${rttMs}ms`;

/** Name of one value. */
export const cellName = (mbit: number, rttMs: number, loss: number, what: string): string => `${linkName(mbit, rttMs)}-${loss * 100}%-${what}`;
