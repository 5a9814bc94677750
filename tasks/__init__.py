"""What the pipeline does: one module = one stage of dvc.yaml = one function of files."""
