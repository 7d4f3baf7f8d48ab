"""The Python SDK as worker and client against a server: `python scenarios.py host:port [--no-cache]`.

Prints one line a scenario, replays every history with the SDK's replayer, and exits with 1 if anything failed. All scenarios run at the
same time, on one worker.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import time
import traceback
from datetime import datetime, timezone
from typing import Awaitable

from temporalio.client import (
    Client,
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowUpdateFailedError,
)
from temporalio.common import SearchAttributePair, TypedSearchAttributes
from temporalio.exceptions import ActivityError, ApplicationError, CancelledError
from temporalio.runtime import Runtime, TelemetryConfig
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import Replayer, Worker

import activities
import services
import workflows as w
from stage import QUEUE, RUN, STARTED, eventually, start


async def scenario_hello(client: Client) -> None:
    """a workflow without steps returns its result"""
    handle = await start(client, w.Hello.run, "Ada", name="hello")
    assert await handle.result() == "hello, Ada"


async def scenario_retried(client: Client) -> None:
    """an activity is retried, and its heartbeat details survive to the next attempt"""
    handle = await start(client, w.Retried.run, 2, name="retried")
    assert await handle.result() == [3, 42]


async def scenario_async_completion(client: Client) -> None:
    """activities are completed from outside, by token and by id"""
    handle = await start(client, w.AsyncCompletion.run, name="async")
    token = await eventually(lambda: activities.TOKENS.pop(handle.id, None))
    await client.get_async_activity_handle(task_token=token).complete("by token")
    await eventually(lambda: activities.TOKENS.pop(handle.id, None))
    by_id = client.get_async_activity_handle(workflow_id=handle.id, run_id=handle.first_execution_run_id, activity_id="by-id")
    await by_id.heartbeat("still here")
    await by_id.complete("by id")
    assert await handle.result() == ["by token", "by id"]


async def scenario_messages(client: Client) -> None:
    """signals, queries and updates: accepted, rejected by the validator, and asynchronous"""
    handle = await start(client, w.Basket.run, name="basket")
    for item in ["apple", "pear"]:
        await handle.signal(w.Basket.add, item)
    assert await handle.query(w.Basket.content) == ["apple", "pear"]
    assert await handle.execute_update(w.Basket.rename, args=["pear", "plum"]) == 1
    try:
        await handle.execute_update(w.Basket.rename, args=["fig", "plum"])
        raise AssertionError("expected a rejection")
    except WorkflowUpdateFailedError as error:
        assert isinstance(error.cause, ApplicationError) and error.cause.type == "Missing", error.cause
    await handle.signal(w.Basket.close)
    assert await handle.result() == ["apple", "[plum]"]
    assert await handle.query(w.Basket.content) == ["apple", "[plum]"]


async def scenario_children(client: Client) -> None:
    """children: result, nested failure, and what their parent's end does to them"""
    handle = await start(client, w.Parent.run, name="parent")
    result = await handle.result()
    assert result == {"done": handle.id, "failed": "ApplicationError ChildTrouble: child fails"}, result

    async def status(name: str, wanted: WorkflowExecutionStatus) -> bool:
        return (await client.get_workflow_handle(f"{handle.id}-{name}").describe()).status == wanted

    await eventually(lambda: status("terminated", WorkflowExecutionStatus.TERMINATED))
    await eventually(lambda: status("cancelled", WorkflowExecutionStatus.CANCELED))
    assert await status("abandoned", WorkflowExecutionStatus.RUNNING)
    await client.get_workflow_handle(f"{handle.id}-abandoned").terminate("done with it")


async def scenario_cancellation(client: Client) -> None:
    """a cancelled workflow cancels its activity through the heartbeat, cleans up, and ends as cancelled"""
    handle = await start(client, w.CleansUp.run, name="cancelled")

    async def activity_runs() -> bool:
        pending = (await handle.describe()).raw_description.pending_activities
        return any(found.HasField("last_started_time") for found in pending)

    await eventually(activity_runs)
    await handle.cancel()
    try:
        await handle.result()
        raise AssertionError("expected a cancellation")
    except WorkflowFailureError as error:
        assert isinstance(error.cause, CancelledError), repr(error.cause)
    assert (await handle.describe()).status == WorkflowExecutionStatus.CANCELED


async def scenario_continue_as_new(client: Client) -> None:
    """a chain of runs: the client follows it to its end, the memo travels along"""
    handle = await start(client, w.CountsDown.run, 3, name="chain")
    assert await handle.result() == "memo 0"
    first = await client.get_workflow_handle(handle.id, run_id=handle.first_execution_run_id).describe()
    assert first.status == WorkflowExecutionStatus.CONTINUED_AS_NEW


async def scenario_local_activities(client: Client) -> None:
    """local activities, one with retries"""
    handle = await start(client, w.LocalActivities.run, name="local")
    assert await handle.result() == ["[local]", "3"]


async def scenario_properties(client: Client) -> None:
    """typed search attributes and memo: given at the start, changed by the workflow, described"""
    when = datetime(2031, 5, 6, 7, 8, 9, tzinfo=timezone.utc)
    attributes = TypedSearchAttributes([SearchAttributePair(w.KEYWORD, "first"), SearchAttributePair(w.DATETIME, when)])
    handle = await start(client, w.Properties.run, name="properties", search_attributes=attributes, memo={"note": "kept", "removed": 1})
    result = await handle.result()
    assert result.startswith("changed 7 "), result
    description = await handle.describe()
    assert description.typed_search_attributes.get(w.KEYWORD) == "changed"
    assert description.typed_search_attributes.get(w.INT) == 7
    assert description.typed_search_attributes.get(w.DATETIME) == when
    assert await description.memo() == {"note": "kept", "added": [1, 2]}, await description.memo()


async def scenario_timers(client: Client) -> None:
    """timers, timeouts, patches, time and chance inside the sandbox"""
    handle = await start(client, w.Timers.run, name="timers")
    assert await handle.result() == ["early", "late", "timeout", "time passed", "new", "2", "True"]


async def scenario_values(client: Client) -> None:
    """data classes, raw bytes and None as arguments and results"""
    handle = await start(client, w.Values.run, activities.Order("sku-1", 2), name="values")
    assert await handle.result() == ["Order(sku='sku-1', quantity=3, gift=True)", repr(b"ba\xff\x00"), "None"]


async def scenario_failure(client: Client) -> None:
    """a failure keeps its type, details and chain of causes"""
    handle = await start(client, w.Declined.run, name="declined")
    try:
        await handle.result()
        raise AssertionError("expected a failure")
    except WorkflowFailureError as error:
        activity = error.cause
        assert isinstance(activity, ActivityError) and activity.activity_type == "decline", repr(activity)
        declined = activity.cause
        assert isinstance(declined, ApplicationError) and declined.type == "Declined" and declined.non_retryable
        assert tuple(declined.details) == ("code-7", 3), declined.details
        assert isinstance(declined.cause, ApplicationError) and declined.cause.type == "ValueError", repr(declined.cause)


async def scenario_refusals(client: Client) -> None:
    """errors of the server as the SDK maps them: unknown, already started, closed"""
    handle = await start(client, w.Hello.run, "x", name="refusals")
    await handle.result()
    for call in [handle.signal("late"), client.get_workflow_handle(f"{RUN}-nobody").describe()]:
        try:
            await call
            raise AssertionError("expected a refusal")
        except RPCError as error:
            assert error.status == RPCStatusCode.NOT_FOUND, error.status
    basket = await start(client, w.Basket.run, name="taken")
    try:
        await client.start_workflow(w.Basket.run, id=basket.id, task_queue=QUEUE)
        raise AssertionError("expected a refusal")
    except Exception as error:
        assert type(error).__name__ == "WorkflowAlreadyStartedError", repr(error)
    await basket.terminate("enough")


async def replay() -> None:
    """every history replays"""
    replayer = Replayer(workflows=[*w.ALL, *services.WORKFLOWS])
    for handle in STARTED:
        await replayer.replay_workflow(await handle.fetch_history())


async def attempt(name: str, run: Awaitable[None]) -> bool:
    began = time.monotonic()
    try:
        await asyncio.wait_for(run, 45)
    except BaseException:
        print(f"not ok {name}\n{traceback.format_exc()}", flush=True)
        return False
    print(f"ok {name} ({time.monotonic() - began:.1f} s)", flush=True)
    return True


async def main() -> int:
    logging.getLogger("temporalio").setLevel(logging.CRITICAL)  # activities fail on purpose
    Runtime.set_default(Runtime(telemetry=TelemetryConfig(logging=None)))
    client = await Client.connect(sys.argv[1])
    cached = "--no-cache" not in sys.argv
    suffix = "" if cached else " (nothing cached)"
    worker = Worker(client, task_queue=QUEUE, workflows=w.ALL, activities=activities.ALL, max_cached_workflows=100 if cached else 0)
    found = [value for room in (globals(), vars(services)) for name, value in room.items() if name.startswith("scenario_")]
    async with worker:
        results = await asyncio.gather(*(attempt((run.__doc__ or "") + suffix, run(client)) for run in found))
    results.append(await attempt((replay.__doc__ or "") + suffix, replay()))
    print(f"{sum(results)} of {len(results)} passed")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
