"""Training: masked multi-task learning on mixed batches; the loop yields, the caller records."""
