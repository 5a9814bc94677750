"""The flows as deployments: run by hand or on a schedule from the Prefect UI, one at a time.

``python -m flows.deployments`` serves them until it is stopped; ``make serve`` starts it beside the servers.
"""

from prefect import Flow, serve
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import DeploymentFilter, FlowRunFilter
from prefect.client.schemas.objects import State, StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.states import Cancelled, Scheduled

from flows.distillation import distillation, new_images, one_more_round
from flows.environment import require_server
from flows.study import study
from flows.workspace import workspace_is_free

NAMES: dict[str, Flow] = {
    "distil": distillation,
    "one-more-round": one_more_round,
    "new-images": new_images,
    "study": study,
}
GOING = (StateType.RUNNING, StateType.PENDING, StateType.CANCELLING)
ENDED = (StateType.COMPLETED, StateType.FAILED, StateType.CRASHED, StateType.CANCELLED)


def main() -> None:
    """Serve the deployments; runs that a crash left behind go on first."""
    continue_crashed()
    deployments = [flow.to_deployment(name, concurrency_limit=1) for name, flow in NAMES.items()]
    serve(*deployments, pause_on_shutdown=False, limit=1)  # type: ignore[arg-type]


def continue_crashed() -> None:
    """Schedule again what was going on when the servers ended; what was being cancelled is cancelled.

    That is what still says that it runs while no flow holds this working tree, and a deployment's last run where that
    crashed, as Prefect says of one that ended with the servers by ctrl-C.
    """
    if not workspace_is_free():
        return
    with get_client(sync_client=True) as client:
        mine = DeploymentFilter(name={"any_": list(NAMES)})  # type: ignore[arg-type]
        going = FlowRunFilter(state={"type": {"any_": list(GOING)}})  # type: ignore[arg-type]
        runs = client.read_flow_runs(flow_run_filter=going, deployment_filter=mine)
        ended = FlowRunFilter(state={"type": {"any_": list(ENDED)}})  # type: ignore[arg-type]
        for name in NAMES:
            one = DeploymentFilter(name={"any_": [name]})  # type: ignore[arg-type]
            last = client.read_flow_runs(
                flow_run_filter=ended, deployment_filter=one, sort=FlowRunSort.END_TIME_DESC, limit=1
            )
            runs += [run for run in last if run.state_type is StateType.CRASHED]
        for run in sorted(runs, key=lambda run: str(run.expected_start_time)):
            stopping = run.state is not None and run.state.type is StateType.CANCELLING
            state: State = Cancelled() if stopping else Scheduled(name="Crashed", message="continued")
            client.set_flow_run_state(run.id, state, force=True)


if __name__ == "__main__":
    require_server()
    main()
