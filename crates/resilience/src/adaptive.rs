//! How many calls may be in flight, found from latency and throughput.
