"""Images: read from their data sets, decoded once, stored memory-mapped, transformed in batches."""
