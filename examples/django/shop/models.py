from django.db import models


class Order(models.Model):
    class State(models.TextChoices):
        NEW = "new"
        SHIPPED = "shipped"

    article = models.CharField(max_length=100)
    state = models.CharField(max_length=10, choices=State, default=State.NEW)
    ordered_at = models.DateTimeField(auto_now_add=True)
    #: the job that ships it
    job = models.CharField(max_length=32, blank=True, editable=False)

    def __str__(self) -> str:
        return f"{self.article} ({self.state})"
