"""What the methods are worth: one network for each variant and seed, through the pipeline itself."""
