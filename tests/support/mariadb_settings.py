"""The tests' settings for MariaDB. PyMySQL stands in for mysqlclient, which needs a compiler."""

import os

import pymysql

pymysql.install_as_MySQLdb()

from tests.settings import *  # noqa: E402, F403
from tests.settings import DATABASES  # noqa: E402

DATABASES["default"]["OPTIONS"] = {
    "charset": "utf8mb4",
    "init_command": "SET time_zone = '+00:00'",
}
TOASTS_BROKER = os.environ.get("TOASTS_BROKER", "auto")
TOASTS_REDIS_URL = os.environ.get("TOASTS_REDIS_URL", "")
