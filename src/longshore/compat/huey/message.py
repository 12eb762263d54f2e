"""A command on its way: as text, for any queue, and as a job, for a store of ours. Pure."""

from __future__ import annotations

import hashlib
import re
from base64 import b64decode, b64encode
from datetime import datetime
from typing import Any, Final

import msgspec

from longshore.codec import ResultCodec
from longshore.compat.huey.exceptions import QueueException
from longshore.model import JobRecord
from longshore.signature import Signature

#: The task name of text that is no command, written by hand.
RAW: Final = "huey.raw"
_ID: Final = re.compile(r"[0-9a-f]{32}")
_values: Final = ResultCodec()


def _call(*args: Any, **kwargs: Any) -> None:
    """What every command takes: anything. Whether it fits shows when it runs."""


CALL: Final = Signature(_call, "command")


class Message(msgspec.Struct, frozen=True):
    """One command, asked for.

    id             of the command; any text
    command        the name of its class
    data           its arguments, encoded
    execute_time   as it was asked for, in ISO form
    due            when to run it, in seconds since the epoch; None: at once
    failures       runs that failed before
    """

    id: str
    command: str
    data: bytes
    execute_time: str | None = None
    due: float | None = None
    failures: int = 0

    def text(self) -> str:
        """For a queue of text."""
        return msgspec.json.encode(self).decode()

    def when(self) -> datetime | None:
        """The execution time again."""
        return None if self.execute_time is None else datetime.fromisoformat(self.execute_time)

    def record(self, queue: str, now: float, keep: float | None) -> JobRecord:
        """As a job, created ``now``."""
        headers = {"huey.id": self.id}
        if self.execute_time is not None:
            headers["huey.time"] = self.execute_time
        return JobRecord(
            job_id(self.id),
            self.command,
            queue,
            self.data,
            run_at=now if self.due is None else self.due,
            created_at=now,
            failures=self.failures,
            keep=keep,
            headers=msgspec.msgpack.encode(headers),
        )


def read(text: Any) -> Message:
    """The message in a text. QueueException: it is none."""
    try:
        return msgspec.json.decode(text, type=Message)
    except (msgspec.MsgspecError, TypeError) as error:
        raise QueueException(
            f"the queue holds something that is no command: {text!r:.80} ({error})"
        ) from None


def written(text: str, new_id: str) -> Message:
    """As `read`; of a text that is no message, one with this id that carries it as it is."""
    try:
        return read(text)
    except QueueException:
        return Message(new_id, RAW, CALL.bind((text,), {}))


def of_job(job: JobRecord, now: float) -> Message:
    """The message that a job was made of, or stands for."""
    headers = headers_of(job)
    due = job.run_at if job.run_at > now or "huey.time" in headers else None
    return Message(
        headers.get("huey.id", job.id), job.task, job.args, headers.get("huey.time"), due, job.failures
    )


def text_of(job: JobRecord, now: float) -> str:
    """What was written to the queue for this job."""
    if job.task == RAW:
        (text,), _ = CALL.load(job.args)
        return str(text)
    return of_job(job, now).text()


def headers_of(job: JobRecord) -> dict[str, str]:
    return {} if job.headers is None else msgspec.msgpack.decode(job.headers, type=dict[str, str])


def job_id(task_id: str) -> str:
    """The id of a command's job: its own if it has that form, else made from it."""
    plain = task_id.replace("-", "").lower()
    return plain if _ID.fullmatch(plain) else hashlib.sha256(task_id.encode()).hexdigest()[:32]


class Failed(msgspec.Struct, frozen=True):
    """What stands for the result of a command that failed for good."""

    message: str
    kind: str
    traceback: str


def dump(value: Any) -> str:
    """A result as text, for a data store of the user's. NotEncodable: it has no stored form."""
    if isinstance(value, Failed):
        return "!" + msgspec.json.encode(value).decode()
    return b64encode(_values.encode(value)).decode()


def load(text: Any) -> Any:
    """The result again, a `Failed` perhaps; what `dump` did not make comes back as it is."""
    try:
        if text.startswith("!"):
            return msgspec.json.decode(text[1:], type=Failed)
        return _values.decode(b64decode(text, validate=True))
    except Exception:
        return text
