//! Tower layers over the cores, all of one shape.
