import os

from django.db import transaction
from django.http import HttpRequest, JsonResponse
from django.urls import path

from shop.models import Order
from shop.tasks import ship


def order(request: HttpRequest, name: str) -> JsonResponse:
    """Stores an order and the job that ships it, and fails after both where that is asked for."""
    with transaction.atomic():
        Order.objects.create(name=name)
        job = ship.enqueue(name)
        if "fail" in request.GET:
            raise ValueError(name)
    return JsonResponse({"job": job.id, "pid": os.getpid()})


async def aorder(request: HttpRequest, name: str) -> JsonResponse:
    await Order.objects.acreate(name=name)
    job = await ship.aenqueue(name)
    return JsonResponse({"job": job.id, "pid": os.getpid()})


urlpatterns = [path("order/<name>", order), path("aorder/<name>", aorder)]
