"""One user model, whose key is that of the kind that USER_KEY names."""

from __future__ import annotations

import os
import uuid
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models

from .fields import AnyCaseField, Code, CodeField, UuidTextField

KIND = os.environ.get("USER_KEY", "text")
KEYS: dict[str, Any] = {
    "text": lambda: AnyCaseField(primary_key=True, max_length=50),
    "code": lambda: CodeField(primary_key=True),
    "uuid": lambda: models.UUIDField(primary_key=True),
    "uuid text": lambda: UuidTextField(primary_key=True, max_length=36),
}
VALUES: dict[str, list[Any]] = {
    "text": ["alice@example.com", "bob@example.com"],
    "code": [Code(0xA11CE), Code(0xB0B)],
    "uuid": [uuid.UUID(int=0xA11CE), uuid.UUID(int=0xB0B)],
    "uuid text": [uuid.UUID(int=0xA11CE), uuid.UUID(int=0xB0B)],
}


class Person(AbstractBaseUser):
    id = KEYS[KIND]()
    name = models.CharField(max_length=50, unique=True)
    is_active = models.BooleanField(default=True)

    objects = BaseUserManager()
    USERNAME_FIELD = "name"

    class Meta:
        app_label = "user_keys"
