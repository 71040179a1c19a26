// The page has its own tests: the conformance suite for drivers, run by the driver that it writes.
import '../writing-a-driver.md?example&lang.ts';
