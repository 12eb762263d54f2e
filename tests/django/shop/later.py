"""Tasks as Django's own documentation writes them; imported by nobody but who uses them, and by tasks.py."""

from django.tasks import task

from shop.models import Order


@task
def double(number: int) -> int:
    return number * 2


@task(priority=7, queue_name="mail")
async def aship(name: str) -> str:
    order = await Order.objects.aget(name=name)
    return order.name


@task(takes_context=True)
def told(context, text: str) -> list:
    return [
        text,
        context.attempt,
        context.task_result.id,
        context.task_result.status,
        len(context.task_result.worker_ids),
    ]


@task
def bad(number: int) -> int:
    raise ValueError(f"no {number}")


@task
def broken() -> object:
    return object()
