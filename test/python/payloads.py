"""Payloads of our SDK read by the Python SDK, and the other way round: JSON in on standard input, JSON out on standard output."""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import json
import sys
from typing import Any, Dict, List, Optional

from temporalio.api.common.v1 import Payload, WorkflowExecution
from temporalio.contrib.aws.s3driver import S3StorageDriver, S3StorageDriverClient
from temporalio.converter import DataConverter, ExternalStorage


@dataclasses.dataclass
class Line:
    sku: str
    quantity: int


@dataclasses.dataclass
class Order:
    """A dataclass is JSON on the wire: in TypeScript an object."""

    id: str
    lines: List[Line]
    note: Optional[str] = None


EXPECTED: Dict[str, Any] = {
    "dataclass": Order("o-2", [Line("lamp", 2)]),
    "json": {"id": "o-1", "lines": [1, 2.5, None, True], "name": "größe"},
    "none": None,
    "bytes": bytes([0, 255, 16]),
    "typed": {"at": "2031-02-03T04:05:06.789Z", "total": "123456789012345678901"},
    "message": WorkflowExecution(workflow_id="w", run_id="r"),
    "binary message": WorkflowExecution(workflow_id="w"),
    "stored": "large " * 100,
}


class Objects(S3StorageDriverClient):
    """A bucket in memory."""

    def __init__(self, objects: Dict[str, bytes]) -> None:
        self.objects = objects

    async def put_object(self, *, bucket: str, key: str, data: bytes) -> None:
        self.objects[f"{bucket}/{key}"] = data

    async def object_exists(self, *, bucket: str, key: str) -> bool:
        return f"{bucket}/{key}" in self.objects

    async def get_object(self, *, bucket: str, key: str) -> bytes:
        return self.objects[f"{bucket}/{key}"]


async def main() -> None:
    given = json.load(sys.stdin)
    bucket = Objects({key: base64.b64decode(value) for key, value in given["objects"].items()})
    driver = S3StorageDriver(bucket, bucket="payloads")
    converter = dataclasses.replace(
        DataConverter.default, external_storage=ExternalStorage([driver], payload_size_threshold=300)
    )
    for name, expected in EXPECTED.items():
        payload = Payload.FromString(base64.b64decode(given["payloads"][name]))
        hint = [type(expected)] if isinstance(expected, (Order, WorkflowExecution)) else None
        [value] = await converter.decode([payload], hint)
        assert value == expected, f"{name}: {value!r}"
    names = [name for name in EXPECTED if name != "binary message"]
    written = await converter.encode([EXPECTED[name] for name in names])
    json.dump(
        {
            "payloads": {name: base64.b64encode(p.SerializeToString()).decode() for name, p in zip(names, written)},
            "objects": {key: base64.b64encode(data).decode() for key, data in bucket.objects.items()},
        },
        sys.stdout,
    )


asyncio.run(main())
