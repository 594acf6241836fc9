//! Trying again, within a budget.
