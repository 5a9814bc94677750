"""What the processes are told that a flow or the server starts; whether the server that they are told of is there."""

import sys

from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL

QUIET = {"DO_NOT_TRACK": "true", "DVC_NO_ANALYTICS": "1", "MLFLOW_DISABLE_TELEMETRY": "true"}
MLFLOW = "DISTILLERY_MLFLOW"  # the address of its UI, where `make serve` has started one


def require_server() -> None:
    """End with one line where a Prefect server is named that does not answer; where none is, a run starts its own."""
    if not (address := PREFECT_API_URL.value()):
        return
    with get_client(sync_client=True) as client:
        if error := client.api_healthcheck():
            sys.exit(f"error: PREFECT_API_URL: no Prefect server answers at {address} ({error}); start it or unset it")
