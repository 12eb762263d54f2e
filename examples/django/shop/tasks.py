"""What is done in the background. A worker and every web process find this module by its name."""

from datetime import timedelta

import django
from django.utils import timezone

from longshore import crontab
from longshore.integrations.django import app
from shop.models import Order


@app.task(retry=3, timeout=30)
def ship(order_id: int) -> str:
    """Run again up to three times if it fails, with longer and longer pauses."""
    order = Order.objects.get(id=order_id)
    order.state = Order.State.SHIPPED
    order.save()
    return f"order {order.id} ({order.article}) is on its way"


@app.periodic(crontab(hour="3", minute="0", timezone="Europe/Berlin"))
def forget_old_orders() -> int:
    """Every night at three, by whichever worker is there."""
    a_year_ago = timezone.now() - timedelta(days=365)
    return Order.objects.filter(ordered_at__lt=a_year_ago).delete()[0]


if django.VERSION >= (6, 0):
    from shop.mails import thank  # noqa: F401 - so that workers know it
