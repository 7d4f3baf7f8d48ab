"""Activities of the Python scenarios."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from temporalio import activity
from temporalio.exceptions import ApplicationError

# Task tokens of activities that wait to be completed from outside, by workflow id.
TOKENS: dict[str, bytes] = {}


@dataclass
class Order:
    """Shows that data classes travel as arguments and results."""

    sku: str
    quantity: int
    gift: bool = False


@activity.defn
async def greet(name: str) -> str:
    return f"[{name}]"


@activity.defn
async def ship(order: Order) -> Order:
    return Order(order.sku, order.quantity + 1, True)


@activity.defn
async def echo_bytes(data: bytes) -> bytes:
    return data[::-1]


@activity.defn
async def nothing() -> None:
    return None


@activity.defn
async def fail_times(failures: int) -> int:
    attempt = activity.info().attempt
    if attempt <= failures:
        raise RuntimeError(f"attempt {attempt} fails")
    return attempt


@activity.defn
async def decline(reason: str) -> None:
    try:
        raise ValueError("card expired")
    except ValueError as cause:
        raise ApplicationError(reason, "code-7", 3, type="Declined", non_retryable=True) from cause


@activity.defn
async def resume() -> int:
    """Attempt 1 reports progress and hangs past its heartbeat timeout; attempt 2 answers the progress it found."""
    if activity.info().attempt == 1:
        activity.heartbeat(42)
        await asyncio.sleep(60)
    return activity.info().heartbeat_details[0]


@activity.defn
async def heartbeat_forever() -> None:
    while True:
        activity.heartbeat()
        await asyncio.sleep(0.05)


@activity.defn
async def completed_elsewhere() -> str:
    TOKENS[activity.info().workflow_id or ""] = activity.info().task_token
    activity.raise_complete_async()


ALL = [greet, ship, echo_bytes, nothing, fail_times, decline, resume, heartbeat_forever, completed_elsewhere]
