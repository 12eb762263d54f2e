"""Coroutine jobs: generators in the document's style, and async def."""

import asyncio

from longshore.compat.pulsar import tasks

running = 0
most = 0


class Crawler(tasks.Job):
    async def __call__(self, consumer, sample=100, size=10):
        global running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.2)
        running -= 1
        return sample * size


async def fetched(url):
    await asyncio.sleep(0)
    if url == "bad":
        raise LookupError(url)
    return f"content of {url}"


class Generator(tasks.Job):
    def __call__(self, consumer, url="good"):
        nothing = yield
        assert nothing is None
        plain = yield 7
        try:
            content = yield fetched(url)
        except LookupError as error:
            content = f"caught {error!r}"
        more = yield self.inner(url)
        return [plain, content, more]

    def inner(self, url):
        content = yield fetched("inner")
        return content


class GivesCoroutine(tasks.Job):
    "A plain function whose result is a coroutine."

    def __call__(self, consumer, url="good"):
        return fetched(url)


class Parent(tasks.Job):
    def __call__(self, consumer, children=1, awaited=True):
        found = []
        for number in range(children):
            future = self.queue_task(consumer, "addition", {"note": "n"}, a=number, b=1)
            if awaited:
                found.append((yield future))
        return {"task": consumer.task_id, "worker": consumer.worker, "children": found}


class PlainParent(tasks.Job):
    def __call__(self, consumer):
        assert consumer.job is self
        consumer.logger.info("asking")
        return consumer.backend.queue_task("addition", a=1, b=2).result()
