"""What the scenarios share: the ids of this run of the suite, the workflows that it started, and waiting for facts."""

from __future__ import annotations

import asyncio
import os
import time
from typing import Any, Awaitable, Callable, Union

from temporalio.client import Client, WorkflowHandle

RUN = f"python-{os.getpid()}"
QUEUE = f"{RUN}-queue"
# Their histories are replayed at the end.
STARTED: list[WorkflowHandle[Any, Any]] = []


async def start(client: Client, run: Any, *args: Any, name: str, task_queue: str = QUEUE, **options: Any) -> WorkflowHandle[Any, Any]:
    handle = await client.start_workflow(run, args=args, id=f"{RUN}-{name}", task_queue=task_queue, **options)
    STARTED.append(handle)
    return handle


async def eventually(ask: Callable[[], Union[Any, Awaitable[Any]]]) -> Any:
    """Asks again until the answer is true."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        answer = ask()
        if asyncio.iscoroutine(answer):
            answer = await answer
        if answer:
            return answer
        await asyncio.sleep(0.02)
    raise AssertionError("what the scenario waits for did not come")
