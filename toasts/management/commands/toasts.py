"""``manage.py toasts``: what an operator may ask of toasts."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from toasts import triggers
from toasts.conf import conf
from toasts.db import database


class Command(BaseCommand):
    help = "Look after toasts. `triggers`: announce what plain SQL writes, on PostgreSQL."

    def add_arguments(self, parser: ArgumentParser) -> None:
        subjects = parser.add_subparsers(dest="subject", required=True)
        about = "Have PostgreSQL announce what plain SQL writes."
        subject = subjects.add_parser("triggers", help=about, description=about)
        subject.add_argument("verb", choices=["install", "remove", "status"])
        subject.add_argument(
            "--database",
            choices=list(connections),
            help="The database's alias. Default: the one that toasts are written to.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        alias = options["database"] or database()
        try:
            self._triggers(options["verb"], alias)
        except triggers.Unsupported as error:
            raise CommandError(str(error)) from error

    def _triggers(self, verb: str, alias: str) -> None:
        if verb == "install":
            triggers.install(alias)
            self.stdout.write(f"Triggers installed; they announce on channel {conf.channel!r}.")
        elif verb == "remove":
            triggers.remove(alias)
            self.stdout.write("Triggers removed; rows of plain SQL are found within seconds.")
        else:
            self.stdout.write(_described(triggers.status(alias)))


def _described(status: triggers.Status) -> str:
    if status.absent:
        return "Not installed."
    if status.works:
        return f"Installed; they announce on channel {conf.channel!r}."
    wrong = [f"{name} is missing" for name in status.missing]
    wrong += [f"{name} is disabled" for name in status.disabled]
    if status.channels != [conf.channel]:
        channels = ", ".join(map(repr, status.channels))
        wrong.append(f"they announce on {channels}, and TOASTS_CHANNEL is {conf.channel!r}")
    if not status.current:
        wrong.append("the function is that of another release")
    again = "Run `manage.py toasts triggers install`."
    return f"Installed, but {'; '.join(wrong)}. {again}"
