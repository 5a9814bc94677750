"""``python -m flows.serving``: the Prefect server, the MLflow UI and the deployments, on this machine alone.

Ctrl-C ends all of them; a flow run that was going on goes on when they are started again.
"""

import argparse
import os
import signal
import socket
import time
import urllib.request
from pathlib import Path

import psutil

from distillery.errors import DistilleryError
from flows.children import children
from flows.environment import MLFLOW, QUIET
from tasks.support.command import STOP, finish, read_params
from tasks.support.record import find_experiment, open_record

LOOPBACK = ("127.0.0.1", "localhost")
TRAINING = "workflowType=machine_learning"  # or MLflow shows pages for chats and prompts
WAIT = 120.0  # seconds for a server to answer
SERVERS = QUIET | {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_API_CSRF_PROTECTION_ENABLED": "true",  # or any page in the same browser could start a run
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # its job runners take gigabytes
}


def serve(host: str, prefect: int, mlflow: int) -> None:
    """Start all three, print where they are, and wait.

    Raises:
        DistilleryError: a port is taken, this folder is served already, or a server ends or does not answer.
    """
    if host == "0.0.0.0":
        raise DistilleryError("--host 0.0.0.0: give the address by which others reach this machine")
    if host not in LOOPBACK:
        print(f"warning: bound to {host}: neither server has a password; whoever reaches them may run and delete")
    params = read_params()
    experiment = find_experiment(open_record(params), params)  # its schema is made once, not by two at a time
    addresses = {"prefect": f"http://{host}:{prefect}", "mlflow": f"http://{host}:{mlflow}"}
    uri = params.tracking.uri
    environment = {**os.environ, **SERVERS, "PREFECT_API_URL": f"{addresses['prefect']}/api"}
    environment |= {MLFLOW: addresses["mlflow"], "PREFECT_UI_API_URL": f"{addresses['prefect']}/api"}
    environment |= {"PREFECT_SERVER_API_CORS_ALLOWED_ORIGINS": addresses["prefect"]}
    commands = {
        "prefect": ["prefect", "server", "start", "--host", host, "--port", str(prefect)],
        "mlflow": ["mlflow", "server", "--host", host, "--port", str(mlflow), "--workers", "1",
                   "--backend-store-uri", uri],
    }  # fmt: skip
    with children(environment) as start:
        for port in (prefect, mlflow):
            _check_free(host, port)
        servers = {name: start(command) for name, command in commands.items()}
        _wait(servers["prefect"], f"{addresses['prefect']}/api/health")
        _wait(servers["mlflow"], f"{addresses['mlflow']}/health")
        deployments = start(["flows.deployments"])
        print(f"Prefect, to run and to schedule: {addresses['prefect']}/deployments", flush=True)
        print(
            f"MLflow, to compare rounds:       {addresses['mlflow']}/#/experiments/{experiment}/runs?{TRAINING}",
            flush=True,
        )
        print(f"the report, once a run made it:  {Path('data/report/index.html').resolve().as_uri()}", flush=True)
        everyone = {**servers, "flows.deployments": deployments}
        while all(child.poll() is None for child in everyone.values()):
            time.sleep(0.5)
        name, ended = next(each for each in everyone.items() if each[1].poll() is not None)
        raise DistilleryError(f"{name} ended with exit status {ended.returncode}")


def _check_free(host: str, port: int) -> None:
    with socket.socket() as found:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            found.bind((host, port))
        except OSError as error:
            raise DistilleryError(
                f"{host}:{port} cannot be bound ({error.strerror}); end what listens there or give another port"
            ) from error


def _wait(server: psutil.Popen, address: str) -> None:
    until = time.monotonic() + WAIT
    while time.monotonic() < until:
        if server.poll() is not None:
            raise DistilleryError(f"the server of {address} ended with exit status {server.returncode}")
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            time.sleep(0.5)
    raise DistilleryError(f"{address} did not answer within {WAIT:g} seconds")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m flows.serving", description=__doc__)
    parser.add_argument("--host", default=LOOPBACK[0], help="where the servers listen")
    parser.add_argument("--prefect", type=int, default=4200, help="port of the Prefect server")
    parser.add_argument("--mlflow", type=int, default=5000, help="port of the MLflow UI")
    options = parser.parse_args()
    signal.signal(signal.SIGHUP, STOP.request)  # a terminal that is closed
    finish(lambda: serve(options.host, options.prefect, options.mlflow))


if __name__ == "__main__":
    main()
