"""What the processes are told that a flow or the server starts."""

QUIET = {"DO_NOT_TRACK": "true", "DVC_NO_ANALYTICS": "1", "MLFLOW_DISABLE_TELEMETRY": "true"}
MLFLOW = "DISTILLERY_MLFLOW"  # the address of its UI, where `make serve` has started one
