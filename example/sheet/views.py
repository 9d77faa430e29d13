"""The page of the sheet."""

from __future__ import annotations

from itertools import groupby

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from example.policy import strict
from example.sheet.columns import COLUMNS
from example.sheet.models import Cell


@login_required
@require_safe
@strict
def sheet(request: HttpRequest) -> HttpResponse:
    """Show the sheet as it is now. The feed sends the page every change."""
    rows = [
        (row, [(COLUMNS[cell.column], cell) for cell in cells])
        for row, cells in groupby(Cell.objects.all(), lambda cell: cell.row)
    ]
    context = {"columns": COLUMNS.values(), "rows": rows}
    return render(request, "example/sheet.html", context)
