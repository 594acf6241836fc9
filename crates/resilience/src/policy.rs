//! Builds everything from a Policy, and composes it in one order.
