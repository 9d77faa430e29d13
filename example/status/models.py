"""Services, their states and their incidents."""

from __future__ import annotations

from django.db import models
from django.utils import timezone


class State(models.TextChoices):
    """The states of a service, from best to worst."""

    WORKING = "working", "Working"
    MAINTENANCE = "maintenance", "Maintenance"
    SLOW = "slow", "Slow"
    DOWN = "down", "Down"


class Service(models.Model):
    name = models.CharField(max_length=60, unique=True)
    state = models.CharField(max_length=20, choices=State.choices, default=State.WORKING)
    changed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.name


class Incident(models.Model):
    """A change of a service's state. It is never edited."""

    service = models.ForeignKey(Service, models.CASCADE)
    state = models.CharField(max_length=20, choices=State.choices)
    text = models.CharField(max_length=200, blank=True)
    by = models.CharField(max_length=150)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.service}: {self.get_state_display()}"
