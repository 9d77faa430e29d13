from django.apps import AppConfig


class ExampleConfig(AppConfig):
    name = "example"
    verbose_name = "Demos"

    def ready(self) -> None:
        from example.messages import signals  # needs the models

        signals.connect()
