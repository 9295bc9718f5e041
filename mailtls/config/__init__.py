"""The configuration: YAML in, one frozen object out; a mistake is named with its file, its line and the nearest right name."""

from mailtls.config.reading import Configuration, load, schema, schema_of_providers
from mailtls.config.sections import Web
from mailtls.config.values import short_duration
from mailtls.config.yamlfile import BadConfiguration

__all__ = ["BadConfiguration", "Configuration", "Web", "load", "schema", "schema_of_providers", "short_duration"]
