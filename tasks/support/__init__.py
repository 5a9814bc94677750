"""What stages share: the command line, the paths, progress, the MLflow record."""
