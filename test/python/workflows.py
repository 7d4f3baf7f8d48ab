"""Workflows of the Python scenarios. They run in the SDK's sandbox."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy, SearchAttributeKey
from temporalio.exceptions import ActivityError, ApplicationError, CancelledError, ChildWorkflowError, is_cancelled_exception
from temporalio.workflow import ActivityCancellationType, ParentClosePolicy

with workflow.unsafe.imports_passed_through():
    import activities as acts
    from activities import Order

LIMIT = timedelta(seconds=20)
QUICK = RetryPolicy(initial_interval=timedelta(milliseconds=10), backoff_coefficient=1.0)
KEYWORD = SearchAttributeKey.for_keyword("ScenarioKeyword")
INT = SearchAttributeKey.for_int("ScenarioInt")
DATETIME = SearchAttributeKey.for_datetime("ScenarioDatetime")


@workflow.defn
class Hello:
    @workflow.run
    async def run(self, name: str) -> str:
        return f"hello, {name}"


@workflow.defn
class Retried:
    @workflow.run
    async def run(self, failures: int) -> list[int]:
        attempts = await workflow.execute_activity(acts.fail_times, failures, start_to_close_timeout=LIMIT, retry_policy=QUICK)
        progress = await workflow.execute_activity(
            acts.resume, start_to_close_timeout=timedelta(minutes=1), heartbeat_timeout=timedelta(seconds=1), retry_policy=QUICK
        )
        return [attempts, progress]


@workflow.defn
class AsyncCompletion:
    @workflow.run
    async def run(self) -> list[str]:
        once = RetryPolicy(maximum_attempts=1)
        by_token = await workflow.execute_activity(acts.completed_elsewhere, start_to_close_timeout=LIMIT, retry_policy=once)
        by_id = await workflow.execute_activity(acts.completed_elsewhere, activity_id="by-id", start_to_close_timeout=LIMIT, retry_policy=once)
        return [by_token, by_id]


@workflow.defn
class Basket:
    def __init__(self) -> None:
        self.items: list[str] = []
        self.done = False

    @workflow.run
    async def run(self) -> list[str]:
        await workflow.wait_condition(lambda: self.done)
        return self.items

    @workflow.signal
    def add(self, item: str) -> None:
        self.items.append(item)

    @workflow.signal
    async def close(self) -> None:
        await asyncio.sleep(0.01)
        self.done = True

    @workflow.query
    def content(self) -> list[str]:
        return self.items

    @workflow.update
    async def rename(self, old: str, new: str) -> int:
        index = self.items.index(old)
        self.items[index] = await workflow.execute_activity(acts.greet, new, start_to_close_timeout=LIMIT)
        return index

    @rename.validator
    def check_rename(self, old: str, new: str) -> None:
        if old not in self.items:
            raise ApplicationError(f"no {old} in the basket", type="Missing")


@workflow.defn
class Child:
    @workflow.run
    async def run(self, what: str) -> str:
        if what == "fail":
            raise ApplicationError("child fails", type="ChildTrouble", non_retryable=True)
        if what == "wait":
            await workflow.wait_condition(lambda: False)
        parent = workflow.info().parent
        return parent.workflow_id if parent else "no parent"


@workflow.defn
class Parent:
    @workflow.run
    async def run(self) -> dict[str, str]:
        own = workflow.info().workflow_id
        done = await workflow.execute_child_workflow(Child.run, "answer", id=f"{own}-answer")
        try:
            await workflow.execute_child_workflow(Child.run, "fail", id=f"{own}-fail")
            failed = "nothing"
        except ChildWorkflowError as error:
            failed = f"{type(error.cause).__name__} {error.cause}"
        await workflow.start_child_workflow(Child.run, "wait", id=f"{own}-abandoned", parent_close_policy=ParentClosePolicy.ABANDON)
        await workflow.start_child_workflow(Child.run, "wait", id=f"{own}-terminated", parent_close_policy=ParentClosePolicy.TERMINATE)
        await workflow.start_child_workflow(Child.run, "wait", id=f"{own}-cancelled", parent_close_policy=ParentClosePolicy.REQUEST_CANCEL)
        return {"done": done, "failed": failed}


@workflow.defn
class CleansUp:
    @workflow.run
    async def run(self) -> str:
        running = workflow.start_activity(
            acts.heartbeat_forever,
            start_to_close_timeout=timedelta(minutes=1),
            heartbeat_timeout=timedelta(seconds=2),
            cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        )
        try:
            await running
        except (asyncio.CancelledError, ActivityError, CancelledError) as error:
            if not is_cancelled_exception(error):
                raise
            await workflow.execute_activity(acts.greet, "cleanup", start_to_close_timeout=LIMIT)
            raise
        return "not cancelled"


@workflow.defn
class CountsDown:
    @workflow.run
    async def run(self, n: int) -> str:
        if n > 0:
            workflow.continue_as_new(n - 1, memo={"left": n - 1})
        return f"memo {workflow.memo_value('left', None)}"


@workflow.defn
class LocalActivities:
    @workflow.run
    async def run(self) -> list[str]:
        first = await workflow.execute_local_activity(acts.greet, "local", start_to_close_timeout=LIMIT)
        second = await workflow.execute_local_activity(acts.fail_times, 2, start_to_close_timeout=LIMIT, retry_policy=QUICK)
        return [first, str(second)]


@workflow.defn
class Properties:
    @workflow.run
    async def run(self) -> str:
        workflow.upsert_search_attributes([KEYWORD.value_set("changed"), INT.value_set(7)])
        workflow.upsert_memo({"added": [1, 2], "removed": None})
        info = workflow.info()
        return f"{info.typed_search_attributes.get(KEYWORD)} {info.typed_search_attributes.get(INT)} {workflow.memo()}"


@workflow.defn
class Timers:
    @workflow.run
    async def run(self) -> list[str]:
        began = workflow.now()
        seen: list[str] = []

        async def after(seconds: float, name: str) -> None:
            await asyncio.sleep(seconds)
            seen.append(name)

        await asyncio.gather(after(0.2, "late"), after(0.01, "early"))
        try:
            await workflow.wait_condition(lambda: False, timeout=0.05)
        except asyncio.TimeoutError:
            seen.append("timeout")
        patched = "new" if workflow.patched("other-way") else "old"
        passed = workflow.now() - began
        seen.append("time passed" if passed >= timedelta(milliseconds=200) else f"only {passed}")
        return [*seen, patched, str(len({workflow.uuid4(), workflow.uuid4()})), str(0 <= workflow.random().random() < 1)]


@workflow.defn
class Values:
    @workflow.run
    async def run(self, order: Order) -> list[str]:
        shipped = await workflow.execute_activity(acts.ship, order, start_to_close_timeout=LIMIT)
        raw = await workflow.execute_activity(acts.echo_bytes, b"\x00\xffab", start_to_close_timeout=LIMIT)
        none = await workflow.execute_activity(acts.nothing, start_to_close_timeout=LIMIT)
        return [repr(shipped), repr(raw), repr(none)]


@workflow.defn
class Declined:
    @workflow.run
    async def run(self) -> None:
        await workflow.execute_activity(acts.decline, "card declined", start_to_close_timeout=LIMIT)


ALL = [Hello, Retried, AsyncCompletion, Basket, Child, Parent, CleansUp, CountsDown, LocalActivities, Properties, Timers, Values, Declined]
