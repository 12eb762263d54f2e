"""The names of `models`, and the tables of the store, version 1."""

from __future__ import annotations

from django.db import migrations, models

from longshore.integrations.django.tables import Tables


class Migration(migrations.Migration):
    initial = True
    dependencies = ()
    operations = (
        migrations.CreateModel(
            "Job",
            [("id", models.CharField(max_length=32, primary_key=True, serialize=False))],
            {"managed": False, "default_permissions": ("view", "change", "delete")},
        ),
        migrations.CreateModel(
            "Schedule",
            [("key", models.CharField(max_length=200, primary_key=True, serialize=False))],
            {"managed": False, "default_permissions": ("view", "change", "delete")},
        ),
        Tables(1),
    )
