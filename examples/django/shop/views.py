import django
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from shop.models import Order
from shop.tasks import app, ship


@require_http_methods(["GET", "POST"])
def orders(request: HttpRequest) -> HttpResponse:
    """The newest orders; a POST stores one, and with it, in one transaction, the jobs that follow from it."""
    if request.method == "POST":
        with transaction.atomic():
            order = Order.objects.create(article=request.POST.get("article", "tea")[:100])
            order.job = ship.enqueue(order.id).id
            order.save()
            if django.VERSION >= (6, 0):
                from shop.mails import thank

                thank.enqueue(order.id)
        return redirect("order", order.id)
    return render(request, "shop/orders.html", {"orders": Order.objects.order_by("-id")[:20]})


@require_GET
def order(request: HttpRequest, order_id: int) -> JsonResponse:
    """How far an order is."""
    found = get_object_or_404(Order, id=order_id)
    job = app.job(found.job)
    return JsonResponse(
        {
            "article": found.article,
            "state": found.state,
            "job": {"id": job.id, "state": job.state, "result": job.result(0) if job.done else None},
        }
    )
