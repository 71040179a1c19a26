// The page has its own tests: the conformance suite for congestion control, run by the algorithm that it writes.
import '../writing-a-cc.md?example&lang.ts';
