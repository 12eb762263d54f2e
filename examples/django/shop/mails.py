"""A task in Django's own words (Django 6.0 and later): the same worker runs it."""

from django.tasks import task

from shop.models import Order


@task(queue_name="mail")
def thank(order_id: int) -> str:
    order = Order.objects.get(id=order_id)
    return f"Dear customer, thank you for ordering {order.article}."
