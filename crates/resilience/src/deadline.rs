//! One deadline for all that is done for a request, over every hop.
