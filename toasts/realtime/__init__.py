"""The engine: topics, bytes, subscribers. It knows neither Toast nor Django."""
