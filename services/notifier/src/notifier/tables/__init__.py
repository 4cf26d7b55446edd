"""The notifier's tables as data, by what they are about: the migrations must produce exactly this."""

from notifier.tables import contacts, gates, gateways, messages, people, said, templates
from notifier.tables.metadata import METADATA

__all__ = ["METADATA", "contacts", "gates", "gateways", "messages", "people", "said", "templates"]
