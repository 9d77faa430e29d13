"""``manage.py toasts``: commands for the operators of a site."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from toasts import triggers
from toasts.conf import conf
from toasts.db import database


class Command(BaseCommand):
    help = "Manage toasts. `triggers`: announce what plain SQL writes, on PostgreSQL."

    def add_arguments(self, parser: ArgumentParser) -> None:
        subcommands = parser.add_subparsers(dest="subcommand", required=True)
        about = "Manage the PostgreSQL triggers that announce what plain SQL writes."
        subcommand = subcommands.add_parser("triggers", help=about, description=about)
        subcommand.add_argument("verb", choices=["install", "remove", "status"])
        subcommand.add_argument(
            "--database",
            choices=list(connections),
            help="The alias of the database. Default: the one that toasts are written to.",
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
            self.stdout.write(_description(triggers.status(alias)))


def _description(status: triggers.Status) -> str:
    if status.absent:
        return "Not installed."
    if status.works:
        return f"Installed; they announce on channel {conf.channel!r}."
    problems = "; ".join(_problems(status))
    return f"Installed, but {problems}. Run `manage.py toasts triggers install`."


def _problems(status: triggers.Status) -> list[str]:
    problems = [f"{name} is missing" for name in status.missing]
    problems += [f"{name} is disabled" for name in status.disabled]
    if status.channels != [conf.channel]:
        channels = ", ".join(map(repr, status.channels))
        problems.append(f"they announce on {channels}, and TOASTS_CHANNEL is {conf.channel!r}")
    if not status.current:
        problems.append("the function is that of another release")
    return problems
