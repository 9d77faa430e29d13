"""``manage.py generate_orders``: write random orders, from a process of its own."""

from __future__ import annotations

import random
import time
from argparse import ArgumentTypeError
from contextlib import suppress
from decimal import Decimal
from itertools import count, islice
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandParser

from example.orders.goods import PRICES
from example.orders.models import Order


class Command(BaseCommand):
    help = (
        "Write random orders, one after the other, until --count is reached or Ctrl-C is pressed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--interval", type=_seconds, default=1.0, help="Seconds between two orders. Default: 1."
        )
        parser.add_argument(
            "--count", type=_number, default=None, help="The number of orders. Default: no limit."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        customers = [None, *_customers()]
        with suppress(KeyboardInterrupt):
            for number in islice(count(), options["count"]):
                if number:
                    time.sleep(options["interval"])
                order = _create_order(random.choice(customers))
                self.stdout.write(f"{order.pk}: {order}, {order.price} each")


def _customers() -> list[Any]:
    users = get_user_model().objects.filter(is_active=True, is_staff=False)
    return list(users.order_by("pk").values_list("pk", flat=True)[:100])


def _create_order(customer: Any) -> Order:
    product, price = random.choice(list(PRICES.items()))
    price += Decimal(random.randint(-30, 30)) / 100
    return Order.objects.create(
        customer_id=customer, product=product, price=price, quantity=random.randint(1, 12)
    )


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds <= 3600:
        raise ArgumentTypeError(f"{text} is not from 0 to 3600 seconds.")
    return seconds


def _number(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ArgumentTypeError(f"{text} is not 1 or more.")
    return number
