"""When the pipeline runs: Prefect flows, which run DVC stages."""
