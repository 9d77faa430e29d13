"""Signal receivers for what may end a user's streams.

Each of them has every process check at once whether that user's streams may go on.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Collection, Iterable
from contextvars import ContextVar
from typing import Any, NamedTuple

from django.apps import apps
from django.contrib.auth import SESSION_KEY, get_user_model
from django.contrib.auth.signals import user_logged_out
from django.core.signals import setting_changed
from django.db import models, transaction
from django.db.models.signals import (
    class_prepared,
    m2m_changed,
    post_delete,
    post_save,
    pre_delete,
)

from .auth.grants import STATUS_FIELDS
from .auth.sessions import is_unexpired, stored_data, stored_session_model
from .db import database, reports_commits
from .delivery.announce import (
    announce_end,
    announce_recheck,
    announce_recheck_later,
    announce_rotation,
)
from .tenants import current_tenant, forget_tenancy
from .users import user_key

LOSSES = ("post_remove", "post_clear")
"""Actions of m2m_changed after which a user or a group may have less."""


def connect_signals() -> None:
    """Connect the receivers. `ToastsConfig.ready` calls it once."""
    for model in apps.get_models(include_auto_created=True):
        _connect_user_model(sender=model)
    class_prepared.connect(_connect_user_model, dispatch_uid="toasts")
    if (session_model := stored_session_model()) is not None:
        post_save.connect(_session_saved, sender=session_model, dispatch_uid="toasts")
        post_delete.connect(_session_deleted, sender=session_model, dispatch_uid="toasts")
    user_logged_out.connect(_user_logged_out, dispatch_uid="toasts")
    setting_changed.connect(forget_tenancy, dispatch_uid="toasts")
    _connect_rights()


def _connect_user_model(sender: type[models.Model], **rest: Any) -> None:
    # A proxy and a child of the user model are senders of their own. There is no receiver for any
    # sender: for one of post_delete, Django loads every row that any queryset deletes.
    if issubclass(sender, get_user_model()):
        post_save.connect(_user_changed, sender=sender, dispatch_uid="toasts")
        post_delete.connect(_user_deleted, sender=sender, dispatch_uid="toasts")


def _connect_rights() -> None:
    model = get_user_model()
    for name in ("groups", "user_permissions"):  # those of PermissionsMixin
        through = getattr(getattr(model, name, None), "through", None)
        if through is not None:
            receiver = functools.partial(_users_rights_changed, name)
            m2m_changed.connect(receiver, sender=through, weak=False, dispatch_uid="toasts")
    if apps.is_installed("django.contrib.auth") and has_groups(model):
        group: Any = apps.get_model("auth", "Group")
        permissions = group.permissions.through
        m2m_changed.connect(_groups_rights_changed, sender=permissions, dispatch_uid="toasts")
        pre_delete.connect(_group_deleted, sender=group, dispatch_uid="toasts")


def has_groups(model: type[Any]) -> bool:
    """Return whether users have Django's groups: a site's own `groups` may be anything else."""
    field = getattr(getattr(model, "groups", None), "field", None)
    related: Any = getattr(field, "related_model", None)
    return isinstance(related, type) and issubclass(related, apps.get_model("auth", "Group"))


def _users_rights_changed(
    field: str, instance: Any, action: str, reverse: bool, pk_set: Any, using: str, **rest: Any
) -> None:
    """End the streams of users who lose groups or permissions."""
    keys: list[Any] = []
    if not reverse and action in LOSSES:
        keys = [user_key(instance)]
    elif reverse and action == "post_remove":
        keys = list(pk_set)
    elif reverse and action == "pre_clear":
        keys = list(_users(using).filter(**{field: instance}).values_list("pk", flat=True))
    _end_after_commit(keys, using)


def _groups_rights_changed(
    instance: Any, action: str, reverse: bool, pk_set: Any, using: str, **rest: Any
) -> None:
    """End the streams of the members of groups that lose permissions."""
    if not reverse and action in LOSSES:
        _end_members([instance.pk], using)
    elif reverse and action == "post_remove":
        _end_members(pk_set, using)
    elif reverse and action == "pre_clear":
        _end_members(instance.group_set.values_list("pk", flat=True), using)


def _group_deleted(instance: models.Model, using: str, **rest: Any) -> None:
    _end_members([instance.pk], using)


def _end_members(group_ids: Iterable[Any], using: str) -> None:
    members = _users(using).filter(groups__in=list(group_ids)).order_by()
    _end_after_commit(list(members.values_list("pk", flat=True).distinct()), using)


def _users(using: str) -> models.QuerySet[Any]:
    # No manager: one of the site's own may hide users.
    return models.QuerySet(get_user_model(), using=using)


def _end_after_commit(user_ids: list[Any], using: str) -> None:
    if user_ids:
        _after_commit(using, announce_end, user_ids)


def _user_changed(
    instance: Any, using: str, update_fields: Collection[str] | None = None, **rest: Any
) -> None:
    # A login saves its time and nothing else.
    if update_fields is None or not STATUS_FIELDS.isdisjoint(update_fields):
        # The request that saves a new password updates its own session only afterwards.
        may_go_on = getattr(instance, "is_active", True)
        announce = announce_recheck_later if may_go_on else announce_recheck
        _after_commit(using, announce, user_key(instance))


def _user_deleted(instance: Any, using: str, **rest: Any) -> None:
    _after_commit(using, announce_recheck, user_key(instance))


class CreatedSession(NamedTuple):
    """A session that was created for a user who is signed in already: with a new key."""

    key: str
    data: dict[str, Any]
    at: float


_created_session: ContextVar[CreatedSession | None] = ContextVar("created_session", default=None)
"""The last one of this thread or task. `SessionBase.cycle_key` then deletes the one it replaces."""
CYCLE_TIME = 2.0
"""Seconds between the two at most."""


def _session_saved(instance: models.Model, created: bool, **rest: Any) -> None:
    # A login creates its session before it puts the user in. So there is a user only in copies.
    if created and SESSION_KEY in (data := stored_data(instance)):
        _created_session.set(CreatedSession(str(instance.pk), data, time.monotonic()))


def _session_deleted(instance: models.Model, using: str, **rest: Any) -> None:
    created = _created_session.get()
    _created_session.set(None)
    # Expired ones are cleared by the thousand. Their streams ended when they expired.
    data = stored_data(instance) if is_unexpired(instance) else {}
    if (user_id := data.get(SESSION_KEY)) is None:
        return
    if created is not None and created.data == data and time.monotonic() - created.at < CYCLE_TIME:
        _after_commit(using, announce_rotation, user_id, str(instance.pk), created.key)
    else:
        _after_commit(using, announce_recheck, user_id)


def _user_logged_out(user: Any, **rest: Any) -> None:
    if user is not None:
        _after_commit(database(), announce_recheck, user_key(user))


def _after_commit(using: str, announce: Callable[..., None], *arguments: Any) -> None:
    """Call `announce` when the transaction of this database commits; at once if there is none."""
    if reports_commits(using):
        # The tenant of now: at COMMIT, the code may have left it.
        job = functools.partial(announce, *arguments, current_tenant())
        transaction.on_commit(job, using=using)
    # Otherwise the caller commits by hand, at a time unknown here. The sweep finds the change.
