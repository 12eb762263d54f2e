from django.contrib import admin
from django.urls import path
from shop import views

urlpatterns = [
    path("", views.orders, name="orders"),
    path("<int:order_id>/", views.order, name="order"),
    path("admin/", admin.site.urls),
]
