"""Many partly labelled sets in, one multi-task network out: the library (how), free of DVC, Prefect and MLflow."""
