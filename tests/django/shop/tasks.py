import os
import threading

from django.db import connection

from longshore import every
from longshore.integrations.django import app
from shop.models import Order


@app.task
def add(a: int, b: int) -> int:
    return a + b


@app.task(retry=0)
def ship(name: str) -> str:
    """Fails for an order that is not there."""
    order = Order.objects.get(name=name)
    order.state = "shipped"
    order.save()
    return f"{order.name} is {order.state}"


@app.task
async def aship(name: str) -> str:
    order = await Order.objects.aget(name=name)
    order.state = "shipped"
    await order.asave()
    return f"{order.name} is {order.state}"


@app.task
def session() -> list[object]:
    """Which connection of the database this is, and in which thread."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT pg_backend_pid()")
        else:
            cursor.execute("SELECT 0")
        return [
            cursor.fetchone()[0],
            id(connection.connection),
            threading.get_ident(),
            len(connection.queries_log),
        ]


@app.task(executor="process")
def elsewhere(name: str) -> list[object]:
    return [os.getpid(), Order.objects.filter(name=name).count()]


@app.periodic(every(3600))
def tidy() -> int:
    return Order.objects.filter(state="shipped").delete()[0]
