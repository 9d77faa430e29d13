# This repository's site. See docs/deploy/containers.md.
FROM python:3.13-slim
ENV PYTHONUNBUFFERED=1
WORKDIR /srv/mysite
COPY requirements/site.txt requirements/site.txt
RUN pip install --no-cache-dir -r requirements/site.txt
COPY manage.py manage.py
COPY toasts toasts
COPY core core
COPY example example
COPY templates templates
COPY static static
# The site shows them.
COPY docs docs
# What is at /run/mysite in the image, a new volume there will be: the site's own.
RUN useradd --system mysite && install -d -o mysite /run/mysite
USER mysite
CMD ["uvicorn", "--host", "0.0.0.0", "--port", "8000", "--lifespan", "off", "--ws-max-size", "1048576", "core.asgi:application"]
