"""Scenarios of what stands beside workflows: Nexus services, worker deployments, activities of their own, schedules, plugins.

Each brings its own worker. Imported by `scenarios.py`.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta, timezone
from typing import Any

import nexusrpc.handler
from temporalio import nexus, workflow
from temporalio.api.deployment.v1 import RoutingConfig
from temporalio.api.nexus.v1 import EndpointSpec, EndpointTarget
from temporalio.api.operatorservice.v1 import CreateNexusEndpointRequest
from temporalio.api.workflowservice.v1 import DescribeWorkerDeploymentRequest, SetWorkerDeploymentCurrentVersionRequest
from temporalio.client import (
    ActivityExecutionStatus,
    ActivityFailureError,
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleBackfill,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleState,
    ScheduleUpdate,
    ScheduleUpdateInput,
    WithStartWorkflowOperation,
    WorkflowFailureError,
    WorkflowUpdateFailedError,
    WorkflowUpdateStage,
)
from temporalio.common import RetryPolicy, VersioningBehavior, WorkerDeploymentVersion, WorkflowIDConflictPolicy
from temporalio.exceptions import ActivityError, ApplicationError, CancelledError, NexusOperationError, is_cancelled_exception
from temporalio.plugin import SimplePlugin
from temporalio.service import RPCError
from temporalio.worker import Worker, WorkerDeploymentConfig

import activities
import workflows as w
from stage import QUEUE, RUN, eventually, start


# ── Nexus ──


@workflow.defn
class Shouts:
    @workflow.run
    async def run(self, text: str) -> str:
        if text == "forever":
            await workflow.wait_condition(lambda: False)
        if text == "fail":
            raise ApplicationError("no voice", type="Hoarse")
        return text.upper()


@nexusrpc.service
class Voices:
    echo: nexusrpc.Operation[str, str]
    shout: nexusrpc.Operation[str, str]


@nexusrpc.handler.service_handler(service=Voices)
class VoicesHandler:
    @nexusrpc.handler.sync_operation
    async def echo(self, _context: nexusrpc.handler.StartOperationContext, text: str) -> str:
        if text == "refuse":
            raise nexusrpc.HandlerError("not that word", type=nexusrpc.HandlerErrorType.BAD_REQUEST)
        return text

    @nexus.workflow_run_operation
    async def shout(self, context: nexus.WorkflowRunOperationContext, text: str) -> nexus.WorkflowHandle[str]:
        return await context.start_workflow(Shouts.run, text, id=f"{RUN}-shouts-{uuid.uuid4()}")


@workflow.defn
class Calls:
    @workflow.run
    async def run(self, endpoint: str) -> list[str]:
        client = workflow.create_nexus_client(service=Voices, endpoint=endpoint)
        said = [await client.execute_operation(Voices.echo, "hi"), await client.execute_operation(Voices.shout, "hi")]
        for operation, text in [(Voices.echo, "refuse"), (Voices.shout, "fail")]:
            try:
                await client.execute_operation(operation, text)
            except NexusOperationError as error:
                said.append(type(error.cause).__name__)
        running = await client.start_operation(Voices.shout, "forever")
        running.cancel()
        try:
            await running
        except BaseException as error:
            said.append(f"cancelled {is_cancelled_exception(error)}")
        return said


async def scenario_nexus(client: Client) -> None:
    """a workflow calls a Nexus service of the worker: at once, by a workflow, refused, failed, cancelled"""
    queue = f"{RUN}-nexus"
    target = EndpointTarget(worker=EndpointTarget.Worker(namespace=client.namespace, task_queue=queue))
    await client.operator_service.create_nexus_endpoint(CreateNexusEndpointRequest(spec=EndpointSpec(name=queue, target=target)))
    async with Worker(client, task_queue=queue, workflows=[Calls, Shouts], nexus_service_handlers=[VoicesHandler()]):
        handle = await start(client, Calls.run, queue, name="calls", task_queue=queue)
        assert await handle.result() == ["hi", "HI", "HandlerError", "ApplicationError", "cancelled True"], await handle.result()


# ── worker deployments ──


class Waits:
    """Tells the build that ended it."""

    def __init__(self) -> None:
        self.told = False

    @workflow.signal
    def go(self) -> None:
        self.told = True

    async def ended(self) -> str:
        await workflow.wait_condition(lambda: self.told)
        version = workflow.info().get_current_deployment_version()
        return version.build_id if version else "no version"


@workflow.defn(versioning_behavior=VersioningBehavior.PINNED)
class Pinned(Waits):
    @workflow.run
    async def run(self) -> str:
        return await self.ended()


@workflow.defn(versioning_behavior=VersioningBehavior.AUTO_UPGRADE)
class Upgrades(Waits):
    @workflow.run
    async def run(self) -> str:
        return await self.ended()


async def scenario_deployments(client: Client) -> None:
    """a pinned run ends on the version where it began, one that upgrades on the current one"""
    name = f"{RUN}-deployment"
    call: dict[str, Any] = {"namespace": client.namespace, "deployment_name": name}

    def worker(build: str) -> Worker:
        version = WorkerDeploymentVersion(deployment_name=name, build_id=build)
        config = WorkerDeploymentConfig(version=version, use_worker_versioning=True)
        return Worker(client, task_queue=name, workflows=[Pinned, Upgrades], deployment_config=config)

    async def make_current(build: str) -> bool:
        try:
            await client.workflow_service.set_worker_deployment_current_version(SetWorkerDeploymentCurrentVersionRequest(**call, build_id=build))
        except RPCError:
            return False  # nobody has polled with it yet
        routing: RoutingConfig = (await client.workflow_service.describe_worker_deployment(DescribeWorkerDeploymentRequest(**call))).worker_deployment_info.routing_config
        return routing.current_deployment_version.build_id == build

    async with worker("1"), worker("2"):
        await eventually(lambda: make_current("1"))
        handles = [await start(client, kind.run, name=f"deployed-{kind.__name__}", task_queue=name) for kind in [Pinned, Upgrades]]
        for handle in handles:
            await eventually(lambda: first_task_done(handle))
        await eventually(lambda: make_current("2"))
        for handle in handles:
            await handle.signal(Waits.go)
        assert await handles[0].result() == "1"
        assert await handles[1].result() == "2"


async def first_task_done(handle: Any) -> bool:
    return any(event.HasField("workflow_task_completed_event_attributes") for event in (await handle.fetch_history()).events)


# ── activities without a workflow ──


async def scenario_activities(client: Client) -> None:
    """activities without a workflow: result, failure, cancellation, lists"""
    options: dict[str, Any] = {"task_queue": QUEUE, "start_to_close_timeout": timedelta(seconds=20), "retry_policy": RetryPolicy(maximum_attempts=1)}
    assert await client.execute_activity(activities.greet, "Ada", id=f"{RUN}-greets", **options) == "[Ada]"
    try:
        await client.execute_activity(activities.decline, "code-7", id=f"{RUN}-declines", **options)
        raise AssertionError("expected a failure")
    except ActivityFailureError as error:
        assert isinstance(error.cause, ApplicationError) and error.cause.type == "Declined", repr(error.cause)
    running = await client.start_activity(activities.heartbeat_forever, id=f"{RUN}-beats", heartbeat_timeout=timedelta(seconds=3), **options)

    async def runs() -> bool:
        return (await running.describe()).last_started_time is not None

    await eventually(runs)
    await running.cancel()
    try:
        await running.result()
        raise AssertionError("expected a cancellation")
    except ActivityFailureError as error:
        assert isinstance(error.cause, CancelledError), repr(error.cause)
    assert (await running.describe()).status == ActivityExecutionStatus.CANCELED
    mine = f"TaskQueue = '{QUEUE}' AND ActivityId STARTS_WITH '{RUN}'"

    async def listed() -> bool:
        return {found.activity_id async for found in client.list_activities(mine)} == {f"{RUN}-{name}" for name in ["greets", "declines", "beats"]}

    await eventually(listed)


# ── update with start ──


async def scenario_update_with_start(client: Client) -> None:
    """an update begins its workflow, or finds it; a rejected one begins it nevertheless"""

    def operation(policy: WorkflowIDConflictPolicy) -> Any:
        return WithStartWorkflowOperation(w.Basket.run, id=f"{RUN}-with-start", task_queue=QUEUE, id_conflict_policy=policy)

    begins = operation(WorkflowIDConflictPolicy.FAIL)
    try:
        await client.execute_update_with_start_workflow(w.Basket.rename, args=["pear", "plum"], start_workflow_operation=begins)
        raise AssertionError("expected a rejection")
    except WorkflowUpdateFailedError as error:
        assert isinstance(error.cause, ApplicationError) and error.cause.type == "Missing", repr(error.cause)
    handle = await begins.workflow_handle()
    await handle.signal(w.Basket.add, "pear")
    finds = operation(WorkflowIDConflictPolicy.USE_EXISTING)
    update = await client.start_update_with_start_workflow(
        w.Basket.rename, args=["pear", "plum"], start_workflow_operation=finds, wait_for_stage=WorkflowUpdateStage.ACCEPTED
    )
    assert await update.result() == 0
    await handle.signal(w.Basket.close)
    assert await handle.result() == ["[plum]"], await handle.result()


# ── schedules ──


async def scenario_schedules(client: Client) -> None:
    """a schedule: described, updated, paused, triggered, backfilled, deleted"""
    action = ScheduleActionStartWorkflow(w.Hello.run, "Ada", id=f"{RUN}-scheduled", task_queue=QUEUE, static_summary="greets")
    spec = ScheduleSpec(intervals=[ScheduleIntervalSpec(every=timedelta(hours=1), offset=timedelta(minutes=5))], cron_expressions=["0 12 * * MON"])
    policy = SchedulePolicy(overlap=ScheduleOverlapPolicy.ALLOW_ALL, catchup_window=timedelta(minutes=2), pause_on_failure=True)
    schedule = Schedule(action=action, spec=spec, policy=policy, state=ScheduleState(note="made", paused=True))
    handle = await client.create_schedule(f"{RUN}-schedule", schedule, memo={"for": "tests"})
    made = await handle.describe()
    assert made.schedule.policy == policy and made.schedule.state.paused and made.schedule.state.note == "made"
    assert made.schedule.spec.intervals == spec.intervals and len(made.schedule.spec.calendars) == 1, made.schedule.spec
    assert await made.memo() == {"for": "tests"}

    def change(given: ScheduleUpdateInput) -> ScheduleUpdate:
        changed = given.description.schedule
        changed.spec = ScheduleSpec(intervals=[ScheduleIntervalSpec(every=timedelta(hours=1))])
        changed.state.note = "changed"
        return ScheduleUpdate(schedule=changed)

    await handle.update(change)
    await handle.trigger(overlap=ScheduleOverlapPolicy.ALLOW_ALL)
    begin = datetime(2026, 1, 1, tzinfo=timezone.utc)
    await handle.backfill(ScheduleBackfill(start_at=begin - timedelta(minutes=1), end_at=begin + timedelta(hours=2, minutes=1), overlap=ScheduleOverlapPolicy.ALLOW_ALL))

    async def four_ran() -> bool:
        info = (await handle.describe()).info
        return info.num_actions == 4 and len(info.recent_actions) == 4 and not info.running_actions

    await eventually(four_ran)
    await handle.unpause(note="on")
    await handle.pause(note="off")
    assert (await handle.describe()).schedule.state.note == "off"

    async def listed() -> bool:
        return any([found.id == handle.id async for found in await client.list_schedules()])

    await eventually(listed)
    await handle.delete()
    try:
        await handle.describe()
        raise AssertionError("expected a refusal")
    except RPCError as error:
        assert error.status.name == "NOT_FOUND", error.status


# ── plugins ──


@workflow.defn
class Plugged:
    @workflow.run
    async def run(self) -> str:
        try:
            return await workflow.execute_activity("greet", "plugin", start_to_close_timeout=w.LIMIT, result_type=str)
        except ActivityError as error:
            raise ApplicationError("the activity is not there") from error


async def scenario_plugin(client: Client) -> None:
    """a plugin brings the workflows and activities of a worker"""
    plugin = SimplePlugin("greets", workflows=[Plugged], activities=[activities.greet])
    queue = f"{RUN}-plugin"
    async with Worker(client, task_queue=queue, plugins=[plugin]):
        handle = await start(client, Plugged.run, name="plugged", task_queue=queue)
        try:
            assert await handle.result() == "[plugin]"
        except WorkflowFailureError as error:
            raise AssertionError(repr(error.cause)) from error


WORKFLOWS = [Calls, Shouts, Pinned, Upgrades, Plugged]
